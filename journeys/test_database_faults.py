"""Scenarios D1 to D5: what happens to the people while something happens to the database."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import databases
import load
import psutil
import pytest
import servers
from load import Call, Load
from system import until

READ = Call(path="/api/v1/rows/")
WRITE = Call(path="/api/v1/rows/", method="POST", body='{"name": "row {n}"}')
RECOVERY_SECONDS = 2.0
DEADLINE_SECONDS = 1.0
SLACK_SECONDS = 0.1


@pytest.fixture(scope="module")
def database(scratch):
    """A PostgreSQL for the scenarios of this file."""
    with databases.database(scratch / "faults") as made:
        made.tell("ALTER SYSTEM SET deadlock_timeout = '50ms'")
        made.tell("SELECT pg_reload_conf()")
        yield made


@pytest.fixture(scope="module")
def ours(scratch, database):
    """Our service on that database; a request has a second."""
    given = {"REQUEST_TIMEOUT_SECONDS": str(DEADLINE_SECONDS)}
    with servers.stage(scratch, DATABASE_URL=database.url(), **given) as server:
        yield server


@pytest.fixture(scope="module")
def theirs(scratch, database):
    """The stock stack on a database beside it."""
    with servers.stock(scratch, DATABASE_URL=database.url()) as server:
        yield server


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What became of the requests around something that began and ended."""

    outcomes: list[load.Outcome]
    began_at: float
    ended_at: float

    @property
    def failed(self):
        return [one for one in self.outcomes if not one.ok]

    @property
    def statuses(self):
        """How many failed in which way; 0 is no answer at all."""
        return Counter(one.status for one in self.failed)

    @property
    def before(self):
        """Failures of requests that were over before it began."""
        return [one for one in self.failed if one.due_at + one.seconds < self.began_at]

    @property
    def recovered_seconds(self):
        """For how long after its end requests that came in still failed."""
        return max([one.due_at - self.ended_at for one in self.failed] + [0.0])

    def shown(self):
        listed = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        return listed or "none"


def under_load(server, event, *, seconds, per_second=40.0, calls=(READ, WRITE), patience=8.0):
    """Let something happen a second after the load has begun; it gives its beginning and end."""
    wanted = Load(
        address=server.address,
        calls=calls,
        per_second=per_second,
        seconds=seconds,
        timeout_seconds=patience,
    )
    with load.running(wanted) as made:
        time.sleep(1.0)
        began_at, ended_at = event()
        return Outage(outcomes=made.outcomes(), began_at=began_at, ended_at=ended_at)


def name_of(server):
    """The name of its database, and of the role that owns it."""
    return urlsplit(server.variables["DATABASE_URL"]).path.strip("/")


def told(server, method="GET"):
    """What our service answers now, which is an envelope."""
    answer = server.door().ask(
        method, READ.path, {"name": "one more"} if method == "POST" else None
    )
    return answer.status, answer.error["code"]


# D1


def restarted(database, how, *, server=None):
    """Stop the server, be away for a second, and start it again."""

    def happen():
        began_at = time.monotonic()
        with database.down(how, seconds=1):
            if server is not None:
                assert told(server) in {
                    (503, "SERVICE_UNAVAILABLE"),
                    (504, "DEADLINE_EXCEEDED"),
                }
        return began_at, database.start()

    return happen


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(signal.SIGINT, id="fast"),
        pytest.param(signal.SIGQUIT, id="immediate", marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, id="kill"),
    ],
)
def test_d1_a_restart_of_the_database_fails_requests_only_while_it_is_away(
    database, ours, theirs, figures, how
):
    workers = [process.pid for process in ours.workers()]

    mine = under_load(ours, restarted(database, how, server=ours), seconds=6)
    control = under_load(theirs, restarted(database, how), seconds=6)

    figures.note(
        scenario="D1",
        what=f"failed around a restart ({how.name}) of 240",
        ours=mine.shown(),
        stock=control.shown(),
        to_reach="503 and 504 only",
    )
    figures.note(
        scenario="D1",
        what=f"failures after it was back ({how.name})",
        ours=f"{mine.recovered_seconds:.2f} s",
        stock=f"{control.recovered_seconds:.2f} s",
        to_reach=f"< {RECOVERY_SECONDS:g} s",
    )
    assert set(mine.statuses) <= {503, 504}
    assert mine.before == []
    assert mine.recovered_seconds < RECOVERY_SECONDS
    assert [process.pid for process in ours.workers()] == workers


# D2


def frozen(database, seconds):
    """Stop every process of the server for so many seconds."""

    def happen():
        began_at = time.monotonic()
        with database.frozen():
            time.sleep(seconds)
        return began_at, time.monotonic()

    return happen


class Watch(threading.Thread):
    """Asks for liveness and counts threads, beside whatever happens in the block."""

    def __init__(self, server):
        super().__init__()
        self.server = server
        self.over = threading.Event()
        self.alive_seconds = 0.0
        self.most_threads = 0
        self.fewest_threads = self.threads()

    def threads(self):
        return sum(process.num_threads() for process in self.server.workers())

    def run(self):
        while not self.over.wait(0.1):
            began = time.monotonic()
            status = self.server.door().ask("GET", "/livez").status
            took = time.monotonic() - began if status == 200 else float("inf")
            self.alive_seconds = max(self.alive_seconds, took)
            self.most_threads = max(self.most_threads, self.threads())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def overrun(server):
    """For how long our service has worked for nobody so far."""
    found = re.search(
        r"^deadline_overrun_seconds_total ([\d.e+-]+)$",
        server.door().ask("GET", "/metrics").body.decode(),
        re.MULTILINE,
    )
    return float(found[1])


@pytest.mark.parametrize("seconds", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_d2_a_frozen_database_fails_requests_at_their_deadline(
    database, ours, theirs, figures, seconds
):
    worked = overrun(ours)
    with Watch(ours) as alive:
        mine = under_load(ours, frozen(database, seconds), seconds=seconds + 4, patience=60)
    with Watch(theirs) as control_alive:
        control = under_load(theirs, frozen(database, 4), seconds=8, patience=60)

    late = [one for one in mine.failed if one.status == 504]
    worked = (overrun(ours) - worked) / max(1, len(late))
    longest = load.percentile(late, 100, of="served_seconds")
    figures.note(
        scenario="D2",
        what=f"longest wait with a deadline of 1 s, frozen for {seconds} s (stock: 4 s)",
        ours=f"{longest:.2f} s",
        stock=f"{load.percentile(control.outcomes, 100, of='served_seconds'):.2f} s",
        to_reach=f"≤ {DEADLINE_SECONDS + SLACK_SECONDS:g} s",
    )
    figures.note(
        scenario="D2",
        what="work after the deadline, for each request that was given up",
        ours=f"{worked * 1000:.0f} ms",
        stock=f"{load.percentile(control.outcomes, 100) - DEADLINE_SECONDS:.1f} s",
        to_reach="≤ 100 ms",
    )
    figures.note(
        scenario="D2",
        what="slowest /livez meanwhile",
        ours=f"{alive.alive_seconds * 1000:.0f} ms",
        stock=f"{control_alive.alive_seconds * 1000:.0f} ms",
        to_reach="≤ 200 ms",
    )
    figures.note(
        scenario="D2",
        what="failures after it went on",
        ours=f"{mine.recovered_seconds:.2f} s",
        stock=f"{control.recovered_seconds:.2f} s",
        to_reach=f"< {RECOVERY_SECONDS:g} s",
    )
    assert set(mine.statuses) <= {503, 504}
    assert late
    assert worked <= SLACK_SECONDS
    assert longest <= DEADLINE_SECONDS + SLACK_SECONDS
    assert alive.alive_seconds <= 0.2
    assert alive.most_threads <= alive.fewest_threads + 40
    assert mine.recovered_seconds < RECOVERY_SECONDS


# D3


def test_d3_a_full_disk_refuses_what_writes_and_nothing_else(scratch, figures):
    what = {"scenario": "D3", "to_reach": "200 · 503 · 201"}
    if os.geteuid() != 0:
        figures.note(what="a full disk", ours="not measured: only root may mount", **what)
        return
    with (
        databases.small_disk(scratch) as disk,
        databases.database(disk) as database,
        servers.stage(scratch, DATABASE_URL=database.url()) as mine,
        servers.stock(scratch, DATABASE_URL=database.url()) as control,
    ):
        with database.full():
            found = {server.name: filled(server) for server in (mine, control)}
            assert told(mine, "POST") == (503, "SERVICE_UNAVAILABLE")
        for server in (mine, control):
            until(lambda server=server: wrote(server) == 201, seconds=10)
            found[server.name] += (wrote(server),)
        assert database.server.process.poll() is None

    figures.note(
        what="reads · writes on a full disk · writes after",
        ours=" · ".join(map(str, found["stage"])),
        stock=" · ".join(map(str, found["stock"])),
        **what,
    )
    assert found["stage"] == (200, 503, 201)


def wrote(server):
    return server.door().ask("POST", WRITE.path, {"name": "x" * 100}).status


def filled(server):
    """Write until that fails; say what reads and writes are answered with then."""
    statuses = (wrote(server) for _ in range(3000))
    refused = next((status for status in statuses if status != 201), 0)
    return server.door().ask("GET", READ.path).status, refused


# D4


def test_d4_killed_connections_cost_the_requests_that_used_them(
    database, ours, theirs, figures, request
):
    rounds = 100 if request.config.getoption("--slow") else 8

    def killed():
        began_at, ended = time.monotonic(), 0
        for _ in range(rounds):
            ended += database.kill_sockets()
            time.sleep(0.25)
        kept.append(ended)
        return began_at, time.monotonic()

    kept = []
    mine = under_load(ours, killed, seconds=2 + rounds * 0.4)
    control = under_load(theirs, killed, seconds=2 + rounds * 0.4)

    figures.note(
        scenario="D4",
        what=f"failed of {len(mine.outcomes)}, all connections killed {rounds} times",
        ours=f"{mine.shown()} (of {kept[0]} connections)",
        stock=f"{control.shown()} (of {kept[1]})",
        to_reach="≤ 1 for each in use, none later",
    )
    assert set(mine.statuses) <= {503}
    assert len(mine.failed) <= 2 * rounds
    assert mine.recovered_seconds == 0


def limited(database, name):
    """Let nobody connect for a second and a half, and end the connections that there are."""

    def happen():
        began_at = time.monotonic()
        database.tell(f"ALTER ROLE {name} CONNECTION LIMIT 0")
        database.kill_sockets()
        time.sleep(1.5)
        database.tell(f"ALTER ROLE {name} CONNECTION LIMIT -1")
        return began_at, time.monotonic()

    return happen


def read_only(database, name):
    """Be a replica for a second and a half, as after a failover to the wrong side."""

    def happen():
        began_at = time.monotonic()
        for mode in ("on", "off"):
            database.tell(f"ALTER DATABASE {name} SET default_transaction_read_only = {mode}")
            database.kill_sockets() if mode == "on" else None
            time.sleep(1.5) if mode == "on" else None
        return began_at, time.monotonic()

    return happen


@pytest.mark.parametrize("event", [limited, read_only])
def test_d4_a_database_that_refuses_makes_the_service_unavailable_and_no_more(
    database, ours, theirs, figures, event
):
    mine = under_load(ours, event(database, name_of(ours)), seconds=6)
    control = under_load(theirs, event(database, name_of(theirs)), seconds=6)

    figures.note(
        scenario="D4",
        what=f"failed of 240, the database {event.__name__}, and for how long after",
        ours=f"{mine.shown()}, {mine.recovered_seconds:.2f} s",
        stock=f"{control.shown()}, {control.recovered_seconds:.2f} s",
        to_reach=f"503 and 504 only, < {RECOVERY_SECONDS:g} s",
    )
    assert mine.statuses[503] > 0
    assert set(mine.statuses) <= {503, 504}
    assert mine.before == []
    assert mine.recovered_seconds < RECOVERY_SECONDS


def test_d4_a_service_starts_while_its_database_is_down(database, scratch, figures):
    with servers.stage(scratch, DATABASE_URL=database.url()) as server:
        server.kill()
        with database.down(signal.SIGINT, seconds=0):
            server.start()  # returns when it is alive
            while_down = server.door().ask("GET", "/readyz").status
            time.sleep(3)
            pid = server.process.pid
        up_at = database.start()
        until(lambda: server.door().ask("GET", "/readyz").status == 200, seconds=10)
        seconds = time.monotonic() - up_at

        figures.note(
            scenario="D4",
            what="ready after a start without the database, once it is up",
            ours=f"{seconds:.2f} s",
            to_reach="< 5 s",
        )
        assert while_down == 503
        assert seconds < 5
        assert psutil.pid_exists(pid)


# D5


def marks(server, pairs):
    """Mark pairs of rows crosswise, all at once; give the statuses, and the marks of each row."""
    door = server.door()
    names = [door.ask("POST", WRITE.path, {"name": ""}).json["id"] for _ in range(2)]
    orders = [names, names[::-1]] * pairs

    def mark(order):
        path = f"{READ.path}{order[0]}/{order[1]}/"
        return door.ask("PUT", path, {"hold_ms": 30}).status

    with ThreadPoolExecutor(4) as people:
        return Counter(people.map(mark, orders)), names


def test_d5_two_that_wait_for_each_other_are_both_done_once(database, ours, theirs, figures):
    wanted = 20
    mine, rows = marks(ours, wanted // 2)
    control, _ = marks(theirs, wanted // 2)

    with database.server.connect(name_of(ours)) as connection:
        kept = connection.execute(
            "SELECT length(name) FROM stage_row WHERE id = ANY(%s)", [rows]
        ).fetchall()
    figures.note(
        scenario="D5",
        what=f"done of {wanted} that lock each other out",
        ours=f"{mine[200]}, each once" if kept == [(mine[200],)] * 2 else f"{mine}, {kept}",
        stock=f"{control[200]}",
        to_reach=f"{wanted}, each once",
    )
    assert mine == {200: wanted}
    assert kept == [(wanted,), (wanted,)]
