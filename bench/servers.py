"""The servers that a service can run behind: the same application, the same load, side by side.

They take turns, so that a machine that slows down slows all of them. The restart test is the one
of the journeys: two replicas behind the gateway, restarted one after the other under load.

Run it with ``./quintet bench servers --write``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import closed_loop
import psutil
import restarts
from over_server import free_port, until_it_answers

from machine import RESULTS, described
from quintet.embedded.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from closed_loop import Measured
    from restarts import Restarted

HERE = Path(__file__).parent
WORKERS = 2
IN_FLIGHT = 32
THREADS = 4 * IN_FLIGHT
CONNECTIONS = 16
PATIENCE_SECONDS = 30
MEBIBYTE = 1024 * 1024
PATHS = {"/trivial/": "trivial DRF", "/things/": "20 rows of PostgreSQL", "/waiting/": "20 ms wait"}
GUNICORN = (sys.executable, "-m", "gunicorn", "served.wsgi", "--no-control-socket", "--workers")
SERVE = (sys.executable, "-m", "quintet", "serve")
PACKAGES = ("django", "djangorestframework", "gunicorn", "granian", "psycopg")
FILL = (
    "from served.models import Thing; "
    "Thing.objects.bulk_create(Thing(name=f'thing {n}', price=n) for n in range(100))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A server, and how it is started."""

    label: str
    command: tuple[str, ...] = SERVE
    environ: Mapping[str, str] = field(default_factory=dict)


CONTENDERS = {
    "gunicorn": Contender(label="gunicorn, as `quintet serve` runs it"),
    "granian": Contender(
        label="granian, as `quintet serve` runs it", environ={"SERVER": "granian"}
    ),
    "gthread": Contender(
        label="gunicorn gthread alone",
        command=(*GUNICORN, str(WORKERS), "--worker-class", "gthread", "--threads", str(THREADS)),
    ),
    "sync": Contender(
        label="gunicorn sync alone", command=(*GUNICORN, str(WORKERS), "--worker-class", "sync")
    ),
}


@dataclass(slots=True, kw_only=True)
class Served:
    """A server that runs, and what was measured of it."""

    name: str
    port: int
    process: psutil.Process
    found: dict[str, list[Measured]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    mebibytes: float = 0.0

    def run(self, path: str, seconds: int) -> None:
        """Ask for one path, and keep answers and the processor's time for each."""
        before = self._cpu_seconds()
        found = closed_loop.run(
            ("127.0.0.1", self.port), path, connections=CONNECTIONS, seconds=seconds
        )
        spent = self._cpu_seconds() - before
        if found.failed:
            raise SystemExit(f"{self.name} failed {found.failed} requests for {path}")
        self.found.setdefault(path, []).append(found)
        answers = found.per_second * seconds
        self.cpu.setdefault(path, []).append(spent / answers * 1e6)

    def weigh(self) -> None:
        """Add up the memory of all its processes, what they share counted once."""
        self.mebibytes = sum(one.memory_full_info().pss for one in self._family()) / MEBIBYTE

    def forget(self) -> None:
        """Drop what warmed it."""
        self.found.clear()
        self.cpu.clear()

    def _family(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def _cpu_seconds(self) -> float:
        return sum(sum(one.cpu_times()[:2]) for one in self._family())


def main() -> None:
    """Measure, print, and write the result down when asked to."""
    options = parsed()
    scratch = Path(tempfile.mkdtemp(prefix="quintet-bench-"))
    try:
        servers = loads(options, scratch)
        restarted = restarts.all_of(scratch, times=options.restarts) if options.restarts else {}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    text = report(servers, restarted, options)
    print(text)
    if options.write:
        (RESULTS / "servers.md").write_text(text, encoding="utf-8")


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench servers", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of load for each path in a round")
    parser.add_argument("--restarts", type=int, default=2, help="of each pair; 0 for none")
    parser.add_argument("--only", nargs="*", default=list(CONTENDERS), choices=list(CONTENDERS))
    parser.add_argument("--write", action="store_true", help="keep the tables in results/")
    return parser.parse_args()


def loads(options: argparse.Namespace, scratch: Path) -> list[Served]:
    """Measure all servers in turns; all are up all the while."""
    with ExitStack() as stack:
        database = Postgres(scratch / "postgres", durable=False)
        database.start()
        stack.callback(database.stop)
        environ = service(database.create_service("served", "a-bench-keeps-nothing"))
        for words in (("migrate", "--run-syncdb", "--verbosity=0"), ("shell", "-c", FILL)):
            managed(environ, *words)
        servers = [stack.enter_context(serving(name, environ, scratch)) for name in options.only]
        for number in range(options.rounds + 1):
            for path in PATHS:
                for one in servers:
                    one.run(path, options.seconds if number else 1)
            if not number:  # the first round warms
                for one in servers:
                    one.forget()
        for one in servers:
            one.weigh()
    return servers


def service(database_url: str) -> dict[str, str]:
    """The environment of every server."""
    return {
        **os.environ,
        "PYTHONPATH": str(HERE),
        "DJANGO_SETTINGS_MODULE": "served.settings",
        "DATABASE_URL": database_url,
        "SERVICE_NAME": "served",
        "SERVICE_ENVIRONMENT": "test",
        "SECRET_KEY": "a bench signs nothing, and nobody is to believe what it signs",
        "ALLOWED_HOSTS": "127.0.0.1",
        "WEB_WORKERS": str(WORKERS),
        "MAX_IN_FLIGHT": str(IN_FLIGHT),
        "CLIENT_SHARE": "1",
        "DRAIN_SECONDS": "0",
    }


def managed(environ: Mapping[str, str], *words: str) -> None:
    """Run a management command of the service."""
    command = [sys.executable, "-m", "django", *words]
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def serving(name: str, environ: Mapping[str, str], scratch: Path) -> Iterator[Served]:
    """Run a server, and stop it by pid."""
    port, contender = free_port(), CONTENDERS[name]
    counted = scratch / f"{name}-counted"
    counted.mkdir()
    own = {**environ, **contender.environ, "PORT": str(port)}
    bind: tuple[str, ...] = ()
    if contender.command is not SERVE:
        own["PROMETHEUS_MULTIPROC_DIR"] = str(counted)
        bind = ("--bind", f"127.0.0.1:{port}")
    with (scratch / f"{name}.log").open("wb") as log:
        process = psutil.Popen(
            [*contender.command, *bind],
            cwd=HERE,
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until_it_answers(port, process, "/livez")
        yield Served(name=name, port=port, process=process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE_SECONDS)


def report(
    servers: list[Served], restarted: Mapping[str, Restarted], options: argparse.Namespace
) -> str:
    """Render the tables."""
    rows = [
        "# Servers",
        "",
        described(*PACKAGES),
        "",
        f"{WORKERS} processes each, {CONNECTIONS} connections that are kept.",
        f"Load by {closed_loop.maker()} on the same machine; medians of {options.rounds} rounds.",
        "The application is the same for all: Quintet with everything on.",
        "",
        *(line for path, title in PATHS.items() for line in table(servers, path, title)),
        "## Restarts",
        "",
        f"Two replicas behind the gateway, {restarts.PER_SECOND} requests a second, half POST,",
        "on kept connections; the replicas are restarted one after the other.",
        "",
        *restarts.table(restarted),
    ]
    return "\n".join([*rows, ""])


def table(servers: list[Served], path: str, title: str) -> Iterator[str]:
    """One table for each workload, one row for each server."""
    yield f"## {title[0].upper()}{title[1:]}"
    yield ""
    yield "| server | answers/s | p50 ms | p99 ms | CPU µs of an answer | memory MiB |"
    yield "|---|---|---|---|---|---|"
    for one in servers:
        per_second, p50, p99 = (
            statistics.median(getattr(found, name) for found in one.found[path])
            for name in ("per_second", "p50", "p99")
        )
        cpu = statistics.median(one.cpu[path])
        label = CONTENDERS[one.name].label
        yield (
            f"| {label} | {per_second:.0f} | {p50:.2f} | {p99:.1f} | {cpu:.0f} "
            f"| {one.mebibytes:.0f} |"
        )
    yield ""


if __name__ == "__main__":
    main()
