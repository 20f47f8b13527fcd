"""Who walks through the system: shoppers who buy, and an operator who fills the shelves."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway import Answer, Gateway
    from system import System

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who is logged in."""

    gateway: Gateway
    id: int
    username: str
    token: str

    def ask(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request with one's own token; a POST is a deed of its own, unless it has a key."""
        named = {"Idempotency-Key": str(uuid.uuid4())} if method == "POST" else {}
        headers = {**named, **(headers or {})}
        return self.gateway.ask(method, target, body, token=self.token, headers=headers)

    def order(
        self, product: int, quantity: int = 1, *, method: str = "card-ok", key: str = ""
    ) -> Answer:
        """Buy something; whoever comes again with the same key wants the same order."""
        return self.ask(
            "POST",
            "/api/v1/orders/",
            {
                "lines": [{"product_id": product, "quantity": quantity}],
                "payment_method": method,
            },
            headers={"Idempotency-Key": key} if key else None,
        )

    def stocked(self, stock: int, *, price: int = 1999) -> int:
        """Put a new product on the shelf and return its number."""
        made = self.ask(
            "POST",
            "/api/v1/products/",
            {
                "sku": uuid.uuid4().hex[:12].upper(),
                "name": "Lamp",
                "description": "It shines.",
                "price_amount": price,
                "currency": "EUR",
                "stock": stock,
            },
        )
        assert made.status == 201, made.body
        return int(made.json["id"])


def somebody() -> dict[str, str]:
    """Return what a new person would type into the form."""
    name = f"shopper.{uuid.uuid4().hex[:12]}"
    return {"username": name, "email": f"{name}@example.com", "password": PASSWORD}


def registered(gateway: Gateway) -> Person:
    """Register somebody new and log them in."""
    form = somebody()
    made = gateway.ask("POST", "/api/v1/users/", form)
    assert made.status == 201, made.body
    return logged_in(gateway, form["username"], made.json["id"])


def operator(system: System, gateway: Gateway) -> Person:
    """Make a member of staff and log them in."""
    return logged_in(gateway, staff(system), 0)


def staff(system: System) -> str:
    """Make a member of staff on the command line; return their name."""
    form = somebody()
    system.manage(
        "users",
        "create_operator",
        f"--username={form['username']}",
        f"--email={form['email']}",
        "--password-stdin",
        given=PASSWORD,
    )
    return form["username"]


def logged_in(gateway: Gateway, username: str, user_id: int) -> Person:
    """Log in and return the person with a fresh token."""
    answer = tokens(gateway, username)
    assert answer.status == 200, answer.body
    return Person(gateway=gateway, id=user_id, username=username, token=answer.json["access"])


def tokens(gateway: Gateway, username: str) -> Answer:
    """Ask for tokens with the password that everybody here has."""
    return gateway.ask("POST", "/api/v1/auth/token/", {"username": username, "password": PASSWORD})
