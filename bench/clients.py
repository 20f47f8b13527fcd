"""What a call to another service pays: bare connections, the clients that others use, and ours.

All contenders ask one local Caddy for the same few bytes of JSON over connections that are kept, in
turns, in one process; the figures are CPU microseconds of a call in the thread that makes it.

Run it with ``./quintet bench clients --write``.
"""

from __future__ import annotations

import argparse
import http.client
import json
import logging
import os
import shutil
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figures import Figure, judged
from over_server import free_port
from steps import turns

from machine import RESULTS, described
from quintet.embedded.caddy import Caddy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PACKAGES = ("urllib3", "requests", "httpx2", "django")
PATH = "/api/v1/things/7/"
BODY = {"id": 7, "name": "lamp", "is_active": True}
OURS, BARE, SESSION = "Quintet, everything on", "urllib3, a pool", "requests, a session"
SERVICE = {
    "SERVICE_NAME": "bench",
    "SERVICE_ENVIRONMENT": "test",
    "SECRET_KEY": "a bench signs nothing, and nobody is to believe what it signs",
}


def main() -> None:
    """Measure, print, and write the result down when asked to."""
    options = parsed()
    with answering() as port:
        configure(port)
        found = turns.medians(contenders(port), rounds=options.rounds, times=options.calls)
    text = report(found, options.rounds)
    print(text)
    if options.write:
        (RESULTS / "clients.md").write_text(text, encoding="utf-8")


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench clients", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=400, help="in each round, of each client")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    return parser.parse_args()


@contextmanager
def answering() -> Iterator[int]:
    """Run a Caddy that answers everything with the same JSON."""
    folder = Path(tempfile.mkdtemp(prefix="quintet-bench-"))
    port = free_port()
    answer = {
        "handler": "static_response",
        "headers": {"Content-Type": ["application/json"]},
        "body": json.dumps(BODY),
    }
    server = {
        "listen": [f"127.0.0.1:{port}"],
        "automatic_https": {"disable": True},
        "routes": [{"handle": [answer]}],
    }
    caddy = Caddy(folder / "caddy", {"apps": {"http": {"servers": {"one": server}}}})
    try:
        caddy.start()
        yield port
    finally:
        caddy.stop()
        shutil.rmtree(folder, ignore_errors=True)


def configure(port: int) -> None:
    """Set Django up as a service that calls one other service, with a key of its own."""
    import django
    from django.conf import settings

    from quintet.settings import ServiceSettings, derive, url

    class BenchSettings(ServiceSettings):
        THINGS_SERVICE_URL: str = url(schemes=("http",), default="")

    env = BenchSettings.load(
        {**os.environ, **SERVICE, "THINGS_SERVICE_URL": f"http://127.0.0.1:{port}"}
    )
    settings.configure(QUINTET=env, INSTALLED_APPS=["quintet"], LOGGING=derive.logging(env))
    django.setup()


def contenders(port: int) -> Mapping[str, Callable[[], object]]:
    """Each of them with its connection open."""
    url = f"http://127.0.0.1:{port}{PATH}"
    made = {
        "http.client, one connection": bare(port),
        BARE: pooled(port),
        "httpx2, a client": httpx2_client(url),
        SESSION: session(url),
        "requests, a session that retries": retrying(url),
        "Quintet, one exchange": exchanging(port),
        OURS: calling(),
    }
    for name, ask in made.items():
        if ask() != BODY:
            raise SystemExit(f"{name} was answered something else")
    return made


def bare(port: int) -> Callable[[], object]:
    """What all of them stand on."""
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask() -> object:
        connection.request("GET", PATH, headers={"Accept": "application/json"})
        return json.loads(connection.getresponse().read())

    return ask


def pooled(port: int) -> Callable[[], object]:
    """The pool below ``requests`` and below ours."""
    import urllib3

    pool = urllib3.HTTPConnectionPool("127.0.0.1", port)
    return lambda: pool.request("GET", PATH, timeout=5, retries=False).json()


def httpx2_client(url: str) -> Callable[[], object]:
    """The successor of httpx."""
    import httpx2

    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would log each request
    client = httpx2.Client(timeout=5)
    return lambda: client.get(url).json()


def session(url: str) -> Callable[[], object]:
    """What most services of Django use."""
    import requests

    kept = requests.Session()
    return lambda: kept.get(url, timeout=5).json()


def retrying(url: str) -> Callable[[], object]:
    """The same with the retries of urllib3."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    kept = requests.Session()
    kept.mount("http://", HTTPAdapter(max_retries=Retry(total=2, status_forcelist=[503])))
    return lambda: kept.get(url, timeout=5).json()


def exchanging(port: int) -> Callable[[], object]:
    """Ours without the pipeline: one exchange that always ends."""
    import orjson

    from quintet import wire

    request = partial(
        wire.Request, service="things", method="GET", base_url=f"http://127.0.0.1:{port}"
    )
    return lambda: orjson.loads(wire.exchange(request(target=PATH, timeout_seconds=5)).body)


def calling() -> Callable[[], object]:
    """Ours as a view uses it: context, deadline, budget, breaker, places, metrics."""
    import time

    from quintet import context
    from quintet.clients import ServiceClient
    from quintet.resilience import deadline

    client = ServiceClient("things")

    def ask() -> Any:
        with context.running(context.new()), deadline.running(time.monotonic() + 5):
            return client.get(PATH)

    return ask


def report(found: Mapping[str, float], rounds: int) -> str:
    """Render the table."""
    rows = [
        "# What a call pays",
        "",
        described(*PACKAGES),
        "",
        f"CPU microseconds of a GET of {len(json.dumps(BODY))} bytes of JSON from a local Caddy,",
        f"over a kept connection, decoded; medians of {rounds} rounds in turns.",
        "",
        "| client | µs | of ours |",
        "|---|---|---|",
        *(
            f"| {label} | {micros:.0f} | {micros / found[OURS]:.2f} |"
            for label, micros in found.items()
        ),
        "",
        "## What was to be reached",
        "",
        *judged(
            [
                Figure("a call with everything on", found[OURS], at_most=200, unit="µs"),
                Figure("of a session of requests", found[OURS] / found[SESSION], at_most=0.4),
            ]
        ),
    ]
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    main()
