"""The stacks behind the same server, asked as fast as it answers: ``bench/request_path.py``."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import closed_loop

from stacks import STACKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from closed_loop import Measured

WORKERS = 2
IN_FLIGHT = 8
CONNECTIONS = 8
PATH = "/api/v1/things/7/"
PATIENCE_SECONDS = 30
GUNICORN = (
    *(sys.executable, "-m", "gunicorn", "stacks.wsgi", "--no-control-socket"),
    *("--workers", str(WORKERS), "--keep-alive", "75"),
)
THREADS = ("--worker-class", "gthread", "--threads", str(4 * IN_FLIGHT))
SERVE = (sys.executable, "-m", "quintet", "serve")


def described(*, threads: bool) -> str:
    """Say what the stacks were served by."""
    each = f"{4 * IN_FLIGHT} threads each" if threads else "one request at a time in each"
    return f"gunicorn, {WORKERS} processes, {each}, {CONNECTIONS} connections"


def rounds(  # noqa: PLR0913 - what is measured, and how often
    names: list[str],
    service: Mapping[str, str],
    scratch: Path,
    *,
    threads: bool,
    times: int,
    seconds: int,
) -> dict[str, list[Measured]]:
    """Measure each stack ``times`` times, in turns; all servers are up all the while.

    With ``threads`` ours is what ``quintet serve`` runs; without, all are in gunicorn as it comes.
    """
    figures: dict[str, list[Measured]] = {name: [] for name in names}
    with ExitStack() as stack:
        ports = {
            name: stack.enter_context(serving(name, service, scratch, threads=threads))
            for name in names
        }
        for number in range(times + 1):
            for name in names:
                address = ("127.0.0.1", ports[name])
                found = closed_loop.run(address, PATH, connections=CONNECTIONS, seconds=seconds)
                if found.failed:
                    raise SystemExit(f"{name} failed {found.failed} requests")
                if number:  # the first round warms
                    figures[name].append(found)
    return figures


@contextmanager
def serving(
    name: str, service: Mapping[str, str], scratch: Path, *, threads: bool
) -> Iterator[int]:
    """Run a stack behind its server, and stop it by pid."""
    port = free_port()
    counted = scratch / f"{name}-served-{port}"
    counted.mkdir()
    environ = {
        **os.environ,
        **service,
        **STACKS[name].environ,
        "BENCH_STACK": name,
        "DJANGO_SETTINGS_MODULE": "stacks.settings",
        "PORT": str(port),
        "WEB_WORKERS": str(WORKERS),
        "MAX_IN_FLIGHT": str(IN_FLIGHT),
        "CLIENT_SHARE": "1",
        "DRAIN_SECONDS": "0",
    }
    if name.startswith("quintet") and threads:
        command = SERVE
    else:
        environ["PROMETHEUS_MULTIPROC_DIR"] = str(counted)
        command = (*GUNICORN, *(THREADS if threads else ()), "--bind", f"127.0.0.1:{port}")
    with counted.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=Path(__file__).parent,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until_it_answers(port, process)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE_SECONDS)


def until_it_answers(port: int, process: subprocess.Popen[bytes], path: str = PATH) -> None:
    """Wait for the first 200."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends_at and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"the server at port {port} did not start; exit code {process.poll()}")


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
