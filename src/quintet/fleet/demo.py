"""``demo``: a customer's walk through the running system, each step checked."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from quintet.cli import CommandError, print_json
from quintet.fleet import description, logbook, render
from quintet.fleet.commands import ask
from quintet.fleet.manage import run as run_command
from quintet.fleet.places import Places
from quintet.fleet.walk import Answer, Unexpected, Walker

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG_PATIENCE_SECONDS = 3.0
SEARCHED_LINES = 2_000
LAMPS = 10
LAMP_AMOUNT = 4_900


@dataclass(slots=True, kw_only=True)
class Walk:
    """What the demonstration did and found."""

    places: Places
    system: description.System
    gateway: str
    name: str = field(default_factory=lambda: f"demo{secrets.token_hex(4)}")
    password: str = field(default_factory=lambda: f"{secrets.token_urlsafe(12)}-Q5")
    steps: list[dict[str, str]] = field(default_factory=list)
    quiet: bool = False

    def tell(self, step: str, found: str) -> None:
        """Keep a step that went as it should, and show it."""
        self.steps.append({"step": step, "found": found})
        if not self.quiet:
            click.echo(f"  {click.style('✓', fg='green')} {step.ljust(34)} {found}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def demo(*, as_json: bool) -> None:
    """Register, log in, fill a shop, order, be declined, find it sold out, and cancel.

    Example: quintet up --detach && quintet demo
    """
    places = Places.here()
    status = ask(places, {"command": "status"})
    system = description.load(places.description)
    walk = Walk(places=places, system=system, gateway=status["gateway"], quiet=as_json)
    try:
        order = _everything(walk)
        lines = _crossed(walk, order.correlation_id)
    except Unexpected as error:
        raise CommandError(
            "the demonstration went wrong",
            why=str(error),
            remedy="quintet status, then quintet logs",
        ) from error
    _show(walk, order, lines=lines, as_json=as_json)


def _everything(walk: Walk) -> Answer:
    shopper = _shopper(walk)
    operator = _operator(walk)
    lamp, rug = _shop(walk, operator)
    order = _order(walk, shopper, lamp)
    _declined(walk, shopper, lamp)
    _sold_out(walk, shopper, rug)
    _cancelled(walk, shopper, order, lamp=lamp)
    return order


def _shopper(walk: Walk) -> Walker:
    person = {
        "username": walk.name,
        "email": f"{walk.name}@example.com",
        "first_name": "Django",
        "password": walk.password,
    }
    made = Walker(walk.gateway).post("/api/v1/users/", person)
    walk.tell("a user registers", f"user {made.body['id']} ({walk.name})")
    shopper = _login(walk, walk.name)
    walk.tell("the user logs in", "a signed token")
    return shopper


def _operator(walk: Walk) -> Walker:
    name = f"{walk.name}op"
    command = ("create_operator", "--username", name, "--email", f"{name}@example.com")
    ended = run_command(
        walk.places,
        walk.system,
        "users",
        command=(*command, "--password-stdin"),
        typed=f"{walk.password}\n",
    )
    if ended.returncode != 0:
        raise Unexpected(f"manage users create_operator: {ended.stdout.strip()[-500:]}")
    walk.tell("an operator is made", f"manage users create_operator --username {name}")
    return _login(walk, name)


def _login(walk: Walk, name: str) -> Walker:
    sent = {"username": name, "password": walk.password}
    got = Walker(walk.gateway).post("/api/v1/auth/token/", sent, expect=200)
    return Walker(walk.gateway, token=got.body["access"])


def _shop(walk: Walk, operator: Walker) -> tuple[int, int]:
    lamp = _product(operator, walk, {"name": "Lamp", "price_amount": LAMP_AMOUNT, "stock": LAMPS})
    rug = _product(operator, walk, {"name": "Rug", "price_amount": 12_900, "stock": 1})
    walk.tell("the operator adds products", f"{LAMPS} lamps: {lamp}, 1 rug: {rug}")
    return lamp, rug


def _product(operator: Walker, walk: Walk, fields: dict[str, Any]) -> int:
    made = operator.post(
        "/api/v1/products/",
        {
            "sku": f"{fields['name']}-{walk.name}".upper(),
            "description": "For the demonstration.",
            "currency": "EUR",
            **fields,
        },
    )
    return int(made.body["id"])


def _order(walk: Walk, shopper: Walker, lamp: int) -> Answer:
    placed = shopper.post("/api/v1/orders/", _basket(lamp, 2))
    _expect(placed.body["status"] == "confirmed", f"the order is {placed.body['status']}")
    amount = placed.body["total_amount"]
    _expect(amount == 2 * LAMP_AMOUNT, f"it costs {amount}")
    total = f"{amount / 100:.2f} {placed.body['currency']}"
    walk.tell("an order of 2 lamps is placed", f"order {placed.body['id']} confirmed, {total}")
    read = shopper.get(f"/api/v1/orders/{placed.body['id']}/")
    _expect(read.body["id"] == placed.body["id"], "another order was read")
    walk.tell("the order is read", f"{read.body['status']}, {len(read.body['lines'])} line")
    return placed


def _declined(walk: Walk, shopper: Walker, lamp: int) -> None:
    refused = shopper.post("/api/v1/orders/", _basket(lamp, 1, "card-declined"), expect=422)
    _expect(refused.rule == "payment_declined", f"the rule is {refused.rule!r}")
    _expect(_stock(shopper, lamp) == LAMPS - 2, "the stock was not given back")
    walk.tell("a card is declined", "422 payment_declined, the stock is back")


def _sold_out(walk: Walk, shopper: Walker, rug: int) -> None:
    shopper.post("/api/v1/orders/", _basket(rug, 1))
    refused = shopper.post("/api/v1/orders/", _basket(rug, 1), expect=422)
    _expect(refused.rule == "out_of_stock", f"the rule is {refused.rule!r}")
    walk.tell("the last rug is sold twice", "once confirmed, once 422 out_of_stock")


def _cancelled(walk: Walk, shopper: Walker, order: Answer, *, lamp: int) -> None:
    gone = shopper.post(f"/api/v1/orders/{order.body['id']}/cancel/", expect=200)
    _expect(gone.body["status"] == "cancelled", f"the order is {gone.body['status']}")
    _expect(_stock(shopper, lamp) == LAMPS, "the lamps did not come back")
    walk.tell("the first order is cancelled", "refunded, both lamps are back")


def _basket(product: int, quantity: int, method: str = "card-ok") -> dict[str, Any]:
    lines = [{"product_id": product, "quantity": quantity}]
    return {"lines": lines, "payment_method": method}


def _stock(walker: Walker, product: int) -> int:
    return int(walker.get(f"/api/v1/products/{product}/").body["stock"])


def _expect(holds: bool, found: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise Unexpected(found)


def _show(walk: Walk, order: Answer, *, lines: list[tuple[str, str]], as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "steps": walk.steps,
                "correlation_id": order.correlation_id,
                "lines": [{"service": name, "line": line} for name, line in lines],
            }
        )
        return
    names = ("gateway", *walk.system.services)
    click.echo(f"\nWhat placing the order left in the logs: {order.correlation_id}")
    for name, line in lines:
        colour = render.colour_of(name, names)
        click.echo(render.prefixed(name, line, width=10, colour=colour))


def _crossed(walk: Walk, correlation_id: str) -> list[tuple[str, str]]:
    """Return the lines of every service that the order crossed; they may take a moment to arrive.

    Raises:
        Unexpected: One of the services that an order crosses has no line with the id.
    """
    expected = {"gateway", "orders", *walk.system.services["orders"].calls}
    deadline = time.monotonic() + LOG_PATIENCE_SECONDS
    while True:
        lines = sorted(_lines(walk, correlation_id))
        missing = expected - {name for _, name, _ in lines}
        if not missing:
            return [(name, line) for _, name, line in lines]
        if time.monotonic() > deadline:
            raise Unexpected(f"{correlation_id} is not in the logs of {', '.join(sorted(missing))}")
        time.sleep(0.1)


def _lines(walk: Walk, correlation_id: str) -> Iterator[tuple[str, str, str]]:
    for name in ("gateway", *walk.system.services):
        for line in logbook.tail(walk.places.logs, name, lines=SEARCHED_LINES):
            fields = render.fields_of(line) or {}
            if fields.get("correlation_id") == correlation_id:
                yield str(fields.get("timestamp", "")), name, line
