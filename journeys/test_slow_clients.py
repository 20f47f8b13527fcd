"""C6: many clients send one byte at a time, and nobody else notices.

The stock stack is asked the same without a gateway, as it comes.
"""

from __future__ import annotations

import drips
import load
import pytest
import servers
from load import Call, Load
from system import until

SCENARIO = "C6"
EACH = 80
PRODUCTS = "/api/v1/products/"
LOOK = Call(path=PRODUCTS)
WAIT = Call(path="/api/v1/sleep/5/")
PER_SECOND = 20
ATTACK_SECONDS = 12
"""Longer than a head may take, shorter than a request may."""

HEAD_SECONDS = 10
TAKEN_SECONDS = 1
MARK = "drips-by-the-byte"


def asked(address, call, seconds):
    """What became of ordinary requests; who waited for longer than five seconds has gone."""
    return load.run(
        Load(
            address=address, calls=[call], per_second=PER_SECOND, seconds=seconds, timeout_seconds=5
        )
    )


def attacked(address, call, slow, *, seconds=ATTACK_SECONDS):
    """Ordinary requests beside slow ones, and what became of the slow ones by their kind."""
    with drips.dripping(address, slow, each=EACH) as several:
        outcomes = asked(address, call, seconds)
        fates = {kind: [drip for drip in several if drip.kind == kind] for kind in slow}
        return outcomes, {kind: Fate(members) for kind, members in fates.items()}


class Fate:
    """What became of slow clients while the others were served."""

    def __init__(self, members):
        self.open = sum(drip.is_open for drip in members)
        ended = [drip for drip in members if not drip.is_open]
        self.statuses = {drip.status for drip in ended}
        self.seconds = [drip.seconds for drip in ended]

    def __str__(self):
        if not self.seconds:
            return f"{self.open} open"
        said = "/".join(str(status or "no answer") for status in sorted(self.statuses))
        first, last = min(self.seconds), max(self.seconds)
        return f"{len(self.seconds)} ended after {first:.1f}-{last:.1f} s: {said}; {self.open} open"


def in_time(outcomes):
    return load.share(outcomes, lambda one: one.ok and one.seconds < TAKEN_SECONDS)


def percent(part):
    return f"{part * 100:.0f} %"


def slowest(outcomes):
    return f"{max(one.seconds for one in outcomes) * 1000:.0f} ms"


def note(figures, what, *, ours, stock="", to_reach="told"):
    figures.note(scenario=SCENARIO, what=what, ours=ours, stock=stock, to_reach=to_reach)


def stocks(scratch):
    """What the control does: gunicorn with eight threads, without a gateway."""
    slow = {"heads": drips.head(WAIT.path), "bodies": drips.body("/api/v1/echo/")}
    with servers.stock(scratch) as server:
        before = asked(server.address, WAIT, 1)
        outcomes, fates = attacked(server.address, WAIT, slow, seconds=6)
    assert in_time(before) == 1
    return outcomes, fates


def test_c6_slow_clients_hold_up_nobody_at_the_gateway(system, gateway, scratch, figures):
    mark = {"X-Correlation-ID": MARK}
    slow = {"heads": drips.head(PRODUCTS, **mark), "bodies": drips.body(PRODUCTS, **mark)}

    before = asked(gateway.address, LOOK, 2)
    during, fates = attacked(gateway.address, LOOK, slow)
    after = asked(gateway.address, LOOK, 2)
    theirs, their_fates = stocks(scratch)

    note(
        figures,
        f"answered within 1 s beside {2 * EACH} slow clients",
        ours=percent(in_time(during)),
        stock=percent(in_time(theirs)),
        to_reach="100 %",
    )
    note(figures, "slowest of them", ours=slowest(during), to_reach="< 1000 ms")
    for kind, fate in fates.items():
        note(figures, f"slow {kind} meanwhile", ours=str(fate), stock=str(their_fates[kind]))
    assert [in_time(part) for part in (before, during, after)] == [1, 1, 1]
    assert (fates["heads"].open, fates["bodies"].open) == (0, EACH)
    assert min(fates["heads"].seconds) > HEAD_SECONDS - 1
    assert set(system.lines(MARK)) <= {"gateway"}, "a service was asked before a body was there"
    assert in_time(theirs) < 0.5, "the control is no control"


@pytest.mark.slow
def test_c6_slow_clients_hold_up_nobody_at_the_port_of_a_service(system, figures):
    """The port is for the gateway alone, and holds out by itself all the same."""
    slow = {"heads": drips.head(PRODUCTS), "bodies": drips.body(PRODUCTS)}

    during, fates = attacked(system.inside("products").address, LOOK, slow)

    what = f"at the port of a service, within 1 s beside {2 * EACH} slow clients"
    note(figures, what, ours=percent(in_time(during)), to_reach="100 %")
    note(figures, "slowest at the port", ours=slowest(during), to_reach="< 1000 ms")
    for kind, fate in fates.items():
        note(figures, f"slow {kind} at the port", ours=str(fate))
    assert in_time(during) == 1
    assert [fate.open for fate in fates.values()] == [0, 0]
    assert [fate.statuses for fate in fates.values()] == [{408}, {408}]
    until(system.is_whole, seconds=5)
