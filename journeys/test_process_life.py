"""Scenarios A1 to A5 and A7: what happens to the people while processes come and go."""

from __future__ import annotations

import http.client
import signal
import subprocess
import threading
import time
from collections import Counter

import databases
import load
import pairs
import psutil
import pytest
import servers
from load import Call, Load
from system import until

READ = Call(path="/api/v1/sleep/5/")
COUNT = Call(path="/api/v1/rows/")
WRITE = Call(path="/api/v1/rows/", method="POST", body='{"name": "row {n}"}')
HELD = Call(path="/api/v1/rows/", method="POST", body='{"name": "row {n}", "hold_ms": 30}')
CUT_SHORT = 75
PER_SECOND = 100


def long(*values):
    """Mark what only a slow run does."""
    return pytest.param(*values, marks=pytest.mark.slow)


SERVERS = ("gunicorn", long("granian"))


def rows(server):
    return server.door().ask("GET", COUNT.path).json["count"]


def ready(server):
    return server.door().ask("GET", "/readyz").status == 200


def lost(outcomes):
    """What was not answered well, by method and outcome."""
    return Counter(
        (("GET", "POST")[one.call], one.status or one.error, one.headers.get("retry-after"))
        for one in outcomes
        if not one.ok
    )


class Rolled:
    """Load of which half writes, before and while a pair is restarted again and again."""

    def __init__(self, pair, *, times, at_least=0):
        calls = (READ, WRITE)
        asked = {"address": pair.address(), "calls": calls, "keep_alive": True}
        given = {**asked, "per_second": PER_SECOND, "timeout_seconds": 10}
        self.steady = load.run(Load(**given, seconds=8))
        with load.running(Load(**given, seconds=load.MOST_SECONDS)) as making:
            ends_at = time.monotonic() + at_least / PER_SECOND
            time.sleep(1)
            self.codes = [code for _ in range(times) for code in pair.restart()]
            time.sleep(max(1.0, ends_at - time.monotonic()))
            making.stop()
            self.outcomes = making.outcomes()

    @property
    def slower(self):
        """How much the slowest percent of the requests suffered."""
        return load.percentile(self.outcomes, 99) / load.percentile(self.steady, 99)


@pytest.mark.parametrize(
    ("server", "times", "at_least"),
    [("gunicorn", 1, 0), long("gunicorn", 10, 6000), long("granian", 10, 6000)],
)
def test_rolling_restarts_lose_nothing(scratch, figures, server, times, at_least):
    """A1: no failure of all requests, half of them POST, over restarts of two replicas."""
    with pairs.ours(scratch, STAGE_SERVER=server) as pair:
        rolled = Rolled(pair, times=times, at_least=at_least)
        before = load.share(rolled.steady)
        kept = pair.system.gateway().ask("GET", COUNT.path).json["count"]

    written = sum(one.ok and one.call == 1 for one in (*rolled.steady, *rolled.outcomes))
    figures.note(
        scenario="A1",
        what=f"failures over {2 * times} restarts, {server}",
        ours=f"{sum(lost(rolled.outcomes).values())} of {len(rolled.outcomes)}",
        stock="see below",
        to_reach="0",
    )
    figures.note(
        scenario="A1",
        what=f"p99 against steady, {server}",
        ours=f"{rolled.slower:.1f}x",
        to_reach="≤ 3x",
    )
    assert before == 1
    assert lost(rolled.outcomes) == {}
    assert len(rolled.outcomes) >= at_least
    assert rolled.codes == [0] * 2 * times
    assert kept >= written


@pytest.mark.slow
def test_what_rolling_restarts_of_the_stock_stack_lose(scratch, figures):
    """A1, the control: the same load and gateway; how many requests it loses is not judged."""
    with pairs.stock(scratch) as pair:
        rolled = Rolled(pair, times=10, at_least=6000)

    figures.note(
        scenario="A1",
        what="failures over 20 restarts, the stock stack",
        ours="",
        stock=f"{sum(lost(rolled.outcomes).values())} of {len(rolled.outcomes)}",
        to_reach="0",
    )
    assert len(rolled.codes) == 20


class Asked:
    """One request that is under way in a thread of its own."""

    def __init__(self, server, method, target, body=None):
        self.answer = None
        self._thread = threading.Thread(target=self._ask, args=(server, method, target, body))
        self._thread.start()
        time.sleep(0.5)

    def _ask(self, server, method, target, body):
        headers = {"X-Correlation-ID": "asked-before-the-end"}
        try:
            self.answer = server.door().ask(method, target, body, headers=headers).status
        except (OSError, http.client.HTTPException) as error:
            self.answer = type(error).__name__

    def status(self):
        self._thread.join()
        return self.answer


def after_sigterm(server, again=()):
    """What becomes of requests around SIGTERM; the drain of ours takes two seconds."""
    asked = {"address": server.address, "calls": (READ, READ), "per_second": 40}
    slow = Asked(server, "GET", "/api/v1/sleep/5000/")
    with load.running(Load(**asked, seconds=2.5, timeout_seconds=5)) as making:
        time.sleep(1)
        server.process.terminate()
        told_at = time.monotonic()
        for number in again:
            time.sleep(0.3)
            server.process.send_signal(number)
        outcomes = making.outcomes()
    code = server.process.wait(30)
    late = [one for one in outcomes if one.due_at >= told_at]
    return slow.status(), code, late


@pytest.mark.parametrize("server", SERVERS)
def test_whoever_asks_after_sigterm_is_answered_as_long_as_the_drain_takes(
    scratch, figures, server
):
    """A2: a request of five seconds is finished, and new ones are served although it ends."""
    with servers.stage(scratch, SERVER=server, DRAIN_SECONDS="3") as ours:
        slow, code, late = after_sigterm(ours, again=(signal.SIGTERM, signal.SIGINT))
    with servers.stock(scratch) as control:
        _, _, theirs = after_sigterm(control)

    failed, of = sum(not one.ok for one in theirs), len(theirs)
    figures.note(
        scenario="A2",
        what=f"lost of those asked within 1.5 s after SIGTERM, {server}",
        ours=f"{sum(not one.ok for one in late)} of {len(late)}",
        stock=f"{failed} of {of}",
        to_reach="0",
    )
    assert (slow, code) == (200, 0)
    assert lost(late) == {}
    assert {one.headers.get("connection") for one in late} == {"close"}


@pytest.mark.parametrize("server", SERVERS)
def test_readiness_is_off_at_once_and_liveness_is_not(scratch, figures, server):
    """A2: every process says so, however many there are."""
    given = {"SERVER": server, "WEB_WORKERS": "2", "DRAIN_SECONDS": "2"}
    with servers.stage(scratch, **given) as ours:
        until(lambda: ready(ours))
        ours.process.terminate()
        told_at = time.monotonic()
        while ready(ours):
            assert time.monotonic() < told_at + 1
        unready_after = time.monotonic() - told_at
        seen = Counter(ready(ours) for _ in range(20))
        alive = ours.door().ask("GET", "/livez").status
        code = ours.process.wait(30)

    figures.note(
        scenario="A2",
        what=f"not ready after SIGTERM, {server}",
        ours=f"{unready_after * 1000:.0f} ms",
        stock="no readiness",
        to_reach="< 100 ms",
    )
    assert (seen, alive, code) == ({False: 20}, 200, 0)


@pytest.mark.parametrize("server", SERVERS)
def test_sigterm_during_the_start_ends_it(scratch, server):
    """A2: at any moment; before there is Python to hear it, the signal itself ends the process."""
    with servers.stage(scratch, SERVER=server, DRAIN_SECONDS="0") as ours:
        ours.stop()
        codes = []
        for tenths in range(1, 16, 2):
            begun = subprocess.Popen(
                ours.program,
                cwd=ours.folder,
                env=ours.environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            time.sleep(tenths / 10)
            begun.terminate()
            said = begun.communicate(timeout=30)[1]
            codes.append(begun.returncode)
            assert b"Traceback" not in said

    assert set(codes) <= {0, -signal.SIGTERM}
    assert codes[-1] == 0


@pytest.mark.parametrize("server", SERVERS)
def test_what_outlasts_the_grace_is_cut_named_and_rolled_back(scratch, figures, server):
    """A3: a transaction of twenty seconds in a service that has two for what is in flight."""
    held = {"name": "never", "hold_ms": 20_000}
    given = {"SERVER": server, "DRAIN_SECONDS": "0.5", "SHUTDOWN_SECONDS": "2"}
    with servers.stage(scratch, REQUEST_TIMEOUT_SECONDS="60", **given) as ours:
        asked = Asked(ours, "POST", WRITE.path, held)
        began = time.monotonic()
        code = ours.stop()
        took = time.monotonic() - began
        named = [line for line in ours.log.read_text().splitlines() if "cut short" in line]
        ours.start()
        left = rows(ours)
    with servers.stock(scratch, "--graceful-timeout", "2") as control:
        theirs = Asked(control, "POST", WRITE.path, held)
        their_code = control.stop()
        theirs.status()
        their_lines = "never" in control.log.read_text()

    figures.note(
        scenario="A3",
        what=f"cut after, {server}",
        ours=f"{took:.1f} s, exit code {code}, named in the log",
        stock=f"exit code {their_code}, {'named' if their_lines else 'not named'}",
        to_reach="2.5 s ± 1 s, named",
    )
    assert (code, left, asked.status() != 201) == (CUT_SHORT, 0, True)
    assert abs(took - 2.5) <= 1
    assert len(named) == 1
    assert "asked-before-the-end" in named[0]


class Killed:
    """What became of requests while workers were killed, one after the other."""

    def __init__(self, server, *, times, apart):
        before = rows(server)
        self.instants, self.whole_after = [], []
        asked = {"address": server.address, "calls": (READ, HELD), "per_second": 50}
        with load.running(Load(**asked, seconds=load.MOST_SECONDS, timeout_seconds=5)) as making:
            time.sleep(1)
            for _ in range(times):
                self._kill(server)
                time.sleep(apart)
            making.stop()
            self.outcomes = making.outcomes()
        self.kept = rows(server) - before

    def _kill(self, server):
        victim = server.workers()[0]
        victim.kill()
        self.instants.append(time.monotonic())
        until(lambda: self._is_whole(server, victim), seconds=10)
        self.whole_after.append(time.monotonic() - self.instants[-1])

    @staticmethod
    def _is_whole(server, victim):
        alive = [one for one in server.workers() if _lives(one)]
        return len(alive) == 2 and victim not in alive

    @property
    def failed(self):
        return [one for one in self.outcomes if not one.ok]

    @property
    def innocent(self):
        """Failed requests that were not under way when a worker was killed."""
        return [one for one in self.failed if not any(_during(one, at) for at in self.instants)]

    @property
    def written(self):
        """How many rows there must be at least, and at most."""
        acknowledged = sum(one.ok and one.call == 1 for one in self.outcomes)
        # Those that were under way when the load was stopped are in no outcome.
        return acknowledged, acknowledged + sum(one.call == 1 for one in self.failed) + 50


def _lives(process):
    """Whether it is there and no zombie; it may go between two looks at it."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _during(outcome, instant):
    return outcome.due_at - 0.05 <= instant <= outcome.due_at + outcome.seconds + 0.05


@pytest.mark.parametrize(
    ("server", "times", "apart"),
    [("gunicorn", 5, 1), long("gunicorn", 100, 1), long("granian", 20, 6)],
)
def test_a_killed_worker_takes_only_its_own_requests_with_it(
    scratch, figures, server, times, apart
):
    """A4: kill -9 of a worker under load; the service is whole again in less than two seconds."""
    given = {"SERVER": server, "WEB_WORKERS": "2"}
    with servers.stage(scratch, **given) as ours:
        until(lambda: len(ours.workers()) == 2)
        killed = Killed(ours, times=times, apart=apart)
    with servers.stock(scratch, "--workers", "2") as control:
        until(lambda: len(control.workers()) == 2)
        theirs = Killed(control, times=min(times, 5), apart=1)

    figures.note(
        scenario="A4",
        what=f"failed over {times} killed workers, {server}",
        ours=f"{len(killed.failed)}, of them not in flight: {len(killed.innocent)}",
        stock=f"{len(theirs.failed)} over {len(theirs.instants)}: {len(theirs.innocent)}",
        to_reach="only what was in flight",
    )
    figures.note(
        scenario="A4",
        what=f"whole again, {server}",
        ours=f"{max(killed.whole_after):.2f} s",
        stock=f"{max(theirs.whole_after):.2f} s",
        to_reach="< 2 s",
    )
    assert killed.innocent == []
    assert max(killed.whole_after) < 2
    assert killed.written[0] <= killed.kept <= killed.written[1]


@pytest.mark.parametrize("server", SERVERS)
def test_a_service_that_starts_before_its_database_waits_for_it(scratch, figures, server):
    """A5: alive and not ready, without a crash, and ready soon after the database is up."""
    folder = scratch / f"late-{server}"
    with (
        databases.database(folder) as database,
        servers.stage(scratch, SERVER=server, DATABASE_URL=database.url()) as ours,
    ):
        ours.stop()
        with database.down(signal.SIGINT, seconds=0):
            ours.start()
            pid = ours.process.pid
            said = [ours.door().ask("GET", "/readyz") for _ in range(3)]
            time.sleep(3)
            alive = ours.door().ask("GET", "/livez").status
        up_at = database.start()
        until(lambda: ready(ours), seconds=10)
        ready_after = time.monotonic() - up_at

    figures.note(
        scenario="A5",
        what=f"ready after the database is up, {server}",
        ours=f"{ready_after:.1f} s",
        stock="no readiness",
        to_reach="< 5 s",
    )
    assert {one.status for one in said} == {503}
    assert {one.error["code"] for one in said} == {"SERVICE_UNAVAILABLE"}
    assert (alive, ours.process.pid) == (200, pid)
    assert ready_after < 5


def test_a_service_whose_schema_is_behind_gets_no_requests(scratch, figures):
    """A7: not ready until the migrations are there, and the log says which are missing."""
    with servers.stage(scratch) as ours:
        ours.stop()
        ours.variables = {**ours.variables, "DATABASE_URL": f"sqlite:///{ours.scratch}/new.db"}
        ours.start()
        until(lambda: "migrations are pending" in ours.log.read_text() or ready(ours))
        before = ready(ours), ours.door().ask("GET", "/livez").status
        ours.manage("migrate", "--verbosity=0")
        began = time.monotonic()
        until(lambda: ready(ours))
        ready_after = time.monotonic() - began
        said = [line for line in ours.log.read_text().splitlines() if "are pending" in line]

    figures.note(
        scenario="A7",
        what="ready after the migration",
        ours=f"{ready_after:.1f} s",
        stock="no readiness",
        to_reach="unready before",
    )
    assert before == (False, 200)
    assert len(said) == 1
    assert "stage.0001_initial" in said[0]
