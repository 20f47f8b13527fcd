"""C5: half of what the machine can do, for long, while now and then something goes wrong.

Ours and the stock stack are asked side by side, on one database, and hurt at the same instants.
``SOAK_SECONDS=3600`` makes it the hour that a release is worth; without it, it takes five minutes.
"""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from urllib.parse import urlsplit

import databases
import load
import psutil
import pytest
import servers
from load import Call, Load
from system import until
from wear import HOUR_SECONDS, Wear

SOAK_SECONDS = int(os.environ.get("SOAK_SECONDS", "300"))
FAULT_SECONDS = min(300, SOAK_SECONDS / 4)
WARM_SECONDS = SOAK_SECONDS / 4
LEG_SECONDS = 60
HEAT_PER_SECOND, HEAT_SECONDS = 150, 120
"""Memory is level after some twenty thousand requests of this kind, and not after some minutes."""
PROBE_PER_SECOND = 10
BUSY = 0.5
MOST_PER_SECOND = 100
PATIENT_SECONDS = 2.0
RECOVERY_SECONDS = 2.0
MOST_MEGABYTES_PER_HOUR = 1 if SOAK_SECONDS >= HOUR_SECONDS else 10
"""A leak of 100 bytes for each request is more than that; within minutes one does not see less."""
MOST_MORE = 8
"""How many more threads, descriptors or connections than at first there may be, since pools
breathe: as many as there are places."""
COUNTED = ("descriptors", "threads", "connections")
READINGS = ("megabytes", *COUNTED)
CALLS = (
    Call(path="/api/v1/rows/"),
    Call(path="/api/v1/rows/", method="POST", body='{"name": "row {n}"}'),
    Call(path="/api/v1/sleep/20/"),
    Call(path="/api/v1/nowhere/"),
)
MISSING = 3
"""The number of the call that is answered 404: errors are a part of any load."""


def asked(server, *, per_second, seconds):
    """What became of the requests of so many seconds."""
    rate = {"per_second": per_second, "timeout_seconds": PATIENT_SECONDS}
    legs = [Load(address=server.address, calls=CALLS, seconds=LEG_SECONDS, **rate)]
    legs *= max(1, round(seconds / LEG_SECONDS))
    return [one for leg in legs for one in load.run(leg)]


def half(*several):
    """How many requests a second to each of them keep half of the machine busy."""
    with ThreadPoolExecutor(len(several)) as pool:
        probing = [
            pool.submit(asked, one, per_second=PROBE_PER_SECOND, seconds=1) for one in several
        ]
        busy = psutil.cpu_percent(LEG_SECONDS) / 100
        for one in probing:
            one.result()
    return min(MOST_PER_SECOND, PROBE_PER_SECOND * BUSY / busy)


def heat(*several):
    """Let each of them do as much as it takes to have allocated what it will ever need."""
    rate = {"per_second": HEAT_PER_SECOND, "seconds": HEAT_SECONDS}
    with ThreadPoolExecutor(len(several)) as pool:
        list(pool.map(lambda one: asked(one, **rate), several))


def good(outcome):
    return outcome.status == 404 if outcome.call == MISSING else outcome.ok


class Faults:
    """What goes wrong, one after the other, and when."""

    def __init__(self, database, *several):
        self._database, self._servers = database, several
        self.windows = []

    def spread(self, seconds):
        """Let one happen in the middle of each turn."""
        # The worker comes last: who takes its place has to be heated anew.
        kinds = cycle((self._restart, self._freeze, self._sockets, self._worker))
        begin = time.monotonic()
        for number in range(int(seconds / FAULT_SECONDS)):
            time.sleep(max(0.0, begin + (number + 0.5) * FAULT_SECONDS - time.monotonic()))
            began_at = time.monotonic()
            next(kinds)()
            self.windows.append((began_at - PATIENT_SECONDS, time.monotonic() + RECOVERY_SECONDS))
        time.sleep(max(0.0, begin + seconds - time.monotonic()))

    def outside(self, outcomes):
        """The requests that nothing was done to."""
        return [
            one
            for one in outcomes
            if not any(begin < one.due_at < end for begin, end in self.windows)
        ]

    def _worker(self):
        before = [len(server.workers()) for server in self._servers]
        for server in self._servers:
            server.workers()[0].kill()
        until(lambda: [len(server.workers()) for server in self._servers] == before)

    def _restart(self):
        with self._database.down(signal.SIGINT, seconds=1):
            pass
        self._database.start()

    def _freeze(self):
        with self._database.frozen():
            time.sleep(3)

    def _sockets(self):
        self._database.kill_sockets()


def role(server):
    """The role in the database that the server has to itself."""
    return urlsplit(server.variables["DATABASE_URL"]).username


@pytest.mark.slow
def test_c5_nothing_grows_and_nothing_fails_but_while_something_is_wrong(scratch, figures):
    with (
        databases.database(scratch / "soak") as database,
        servers.stage(scratch, DATABASE_URL=database.url()) as ours,
        servers.stock(scratch, DATABASE_URL=database.url()) as control,
        ThreadPoolExecutor(2) as pool,
    ):
        heat(ours, control)
        rate = {"per_second": half(ours, control), "seconds": SOAK_SECONDS}
        faults = Faults(database, ours, control)
        with (
            Wear(ours, database, role(ours)) as wear,
            Wear(control, database, role(control)) as their_wear,
        ):
            running = [pool.submit(asked, server, **rate) for server in (ours, control)]
            faults.spread(SOAK_SECONDS)
            mine, theirs = (faults.outside(run.result()) for run in running)
        grown, their, workers = trends_of(wear), trends_of(their_wear), len(ours.workers())

    note(figures, f"failed outside of faults, of {len(mine)}", failed(mine), failed(theirs), "0")
    for name in READINGS:
        note(figures, name, shown(grown[name]), shown(their[name]), "flat")
    per_hour = fastest(grown["megabytes"])
    note(
        figures,
        f"megabytes an hour, over {SOAK_SECONDS} s",
        f"{per_hour:.1f}",
        f"{fastest(their['megabytes']):.1f}",
        f"≤ {MOST_MEGABYTES_PER_HOUR}",
    )
    assert len(faults.windows) >= 4
    assert [one for one in mine if not good(one)] == []
    assert len(grown["megabytes"]) > workers, "no worker was there for long"
    assert per_hour <= MOST_MEGABYTES_PER_HOUR
    for name in COUNTED:
        assert max(trend.last - trend.first for trend in grown[name]) <= MOST_MORE, name


def trends_of(wear):
    given = {"warm_seconds": WARM_SECONDS, "least_seconds": SOAK_SECONDS / 4}
    return {name: wear.trends(name, **given) for name in READINGS}


def fastest(trends):
    return max(trend.per_hour for trend in trends)


def failed(outcomes):
    return str(sum(not good(one) for one in outcomes))


def shown(trends):
    return ", ".join(map(str, trends))


def note(figures, what, ours, theirs, to_reach):
    figures.note(scenario="C5", what=what, ours=ours, stock=theirs, to_reach=to_reach)
