"""E2 and E9 for orders: whatever dies or fails in between, money and goods are on one side.

The process that works on an order runs beside the orders service, with its environment, so that it
can die at any call without harm to others. All that it asks is real: the database, the other three
services, the provider of the payments. What is said of the books is said by plain SQL.
"""

from __future__ import annotations

import shutil
import signal
import uuid

import conservation
import psycopg
import pytest
from forks import Forks
from system import ROOT

SLOW = pytest.mark.slow
MOST_CALLS = 300
MOST_REQUESTS = 20
SPARED = 3
STATUSES = "SELECT status FROM orders_order WHERE deed = %s"
RESERVED = """
    SELECT reference FROM products_reservation AS made
    JOIN products_reservationline AS line ON line.reservation_id = made.id
    WHERE made.status = 'reserved' AND line.product_id = %s
"""
UNSETTLED = """
    SELECT reference, status FROM payments_payment
    WHERE status NOT IN ('declined', 'voided', 'captured', 'refunded') AND user_id = %s
"""
ATTEMPTS = 3
"""How often a request is made that may be repeated."""

pytestmark = [
    pytest.mark.counted,
    pytest.mark.usefixtures("conserved"),
    pytest.mark.skipif(shutil.which("strace") is None, reason="install strace"),
]


class Bought:
    """Orders of one shopper, and what the databases say of them."""

    def __init__(self, forks, books, *, user, product):
        self._forks, self._books = forks, books
        self._user, self._product = user, product

    def run(self, work, *, dies_at=0, **given):
        """How a process ended that did the work."""
        return self._forks.end_of(self._forks.start(work, dies_at=dies_at, **given))

    def begin(self, *, method="card-ok"):
        """What an order is placed with, for which nothing has been done yet."""
        return {
            "deed": str(uuid.uuid4()),
            "user": self._user,
            "product": self._product,
            "method": method,
        }

    def statuses(self, deed):
        """The status of each order of the deed."""
        return [status for (status,) in self._asked("orders", STATUSES, deed)]

    def is_settled(self):
        """Whether nothing was made or lost, and nothing is held back for anybody."""
        held = self._asked("products", RESERVED, self._product)
        owed = self._asked("payments", UNSETTLED, self._user)
        return (held, owed, conservation.unbalanced(self._books)) == ([], [], {})

    def _asked(self, service, sql, *values):
        with psycopg.connect(self._books[service]) as database:
            return database.execute(sql, values).fetchall()


@pytest.fixture
def bought(system, books, operator, shopper, scratch):
    folder = ROOT / "services" / "orders"
    forks = Forks(
        program=ROOT / "journeys" / "bought" / "forks.py",
        folder=folder,
        environment={**system.environment_of("orders"), "LOG_LEVEL": "CRITICAL"},
        log=scratch / "bought.log",
    )
    forks.open()
    try:
        yield Bought(forks, books, user=shopper.id, product=operator.stocked(MOST_CALLS))
    finally:
        forks.close()


def swept(attempt, *, every):
    """Make an attempt die at each of its calls until one gets through alive; at which."""
    for at in range(1, MOST_CALLS, every):
        if attempt(at) == 0:
            return at
    raise AssertionError(f"more than {MOST_CALLS} calls for one order")


def placed(bought, at, *, method):
    order = bought.begin(method=method)
    return order["deed"], bought.run("place", dies_at=at, **order)


def noted(figures, what, *, every, calls):
    figures.note(
        scenario="E2",
        what=f"orders: {what}, killed at each {every}. of {calls} calls: lost, doubled",
        ours="0, 0",
        stock="",
        to_reach="0, 0",
    )


@pytest.mark.parametrize("every", [10, pytest.param(1, marks=SLOW)])
@pytest.mark.parametrize(
    ("method", "ends"),
    [("card-ok", [["confirmed"], ["failed"], []]), ("card-declined", [["failed"], []])],
    ids=["bought", "declined"],
)
def test_a_killed_order_is_finished_or_undone(bought, figures, every, method, ends):
    def attempt(at):
        deed, code = placed(bought, at, method=method)
        assert code in {0, -signal.SIGKILL}
        assert bought.run("resume") == 0
        assert bought.statuses(deed) in ends
        assert bought.is_settled()
        return code

    calls = swept(attempt, every=every)

    noted(figures, f"{method}, finished by another", every=every, calls=calls)


@pytest.mark.parametrize("every", [10, pytest.param(1, marks=SLOW)])
def test_whoever_asks_again_for_a_killed_order_has_it_once(bought, figures, every):
    def attempt(at):
        order = bought.begin()
        code = bought.run("place", dies_at=at, **order)
        assert bought.run("place", **order) == 0
        assert bought.statuses(order["deed"]) == ["confirmed"]
        assert bought.is_settled()
        return code

    calls = swept(attempt, every=every)

    noted(figures, "asked for again", every=every, calls=calls)


@pytest.mark.parametrize("every", [10, pytest.param(1, marks=SLOW)])
def test_a_killed_cancellation_is_finished(bought, figures, every):
    def attempt(at):
        order = bought.begin()
        assert bought.run("place", **order) == 0
        code = bought.run("cancel", dies_at=at, deed=order["deed"])
        assert bought.run("resume") == 0
        assert bought.statuses(order["deed"]) in [["confirmed"], ["cancelled"]]
        assert bought.is_settled()
        return code

    calls = swept(attempt, every=every)

    noted(figures, "cancelled", every=every, calls=calls)


@pytest.mark.parametrize("fault", ["error", "silence"])
@pytest.mark.parametrize("times", [1, ATTEMPTS], ids=["once", "for a while"])
def test_a_step_that_fails_is_done_again_or_undone(bought, figures, fault, times):
    """The nth request is not sent, or its answer gets lost, until there are no more requests."""
    ends, at = [], 0
    while not ends or ends[-1] != "spared":
        at += 1
        assert at < MOST_REQUESTS
        order = bought.begin()
        code = bought.run("suffer", at=at, fault=fault, times=times, **order)
        assert bought.run("resume") == 0
        (status,) = bought.statuses(order["deed"])
        assert status in {"confirmed", "failed"}
        assert bought.is_settled()
        assert code in {0, SPARED}
        ends.append("spared" if code == SPARED else status)

    figures.note(
        scenario="E9",
        what=f"{fault} of a step, {times} times: confirmed, undone, out of balance",
        ours=f"{ends.count('confirmed')}, {ends.count('failed')}, 0",
        stock="",
        to_reach="none out of balance",
    )
