"""Open-loop load: requests arrive at a fixed rate, whether or not the ones before were answered.

People do not wait for one another. A closed loop, as most benchmarks are, sends less as soon as a
service is slow, and so hides what overload is. It runs in a process of its own, which shares no
interpreter lock with the tests and ends by itself.
"""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

GENERATOR = Path(__file__).with_name("generator.py")
MOST_SECONDS = 300
MOST_REQUESTS = 60_000
GRACE_SECONDS = 15
JSON = {"Accept": "application/json", "Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked. `{n}` in path, body and headers becomes the number of the request."""

    path: str
    method: str = "GET"
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much is asked of whom: the calls in turn, `per_second` in all, for `seconds`.

    `source` is the address that the connections come from: on Linux, all of 127.0.0.0/8 is here.
    """

    address: tuple[str, int]
    calls: Sequence[Call]
    per_second: float
    seconds: float
    timeout_seconds: float = 1.0
    keep_alive: bool = False
    source: str = ""
    headers: Sequence[str] = ("retry-after", "connection", "x-correlation-id")

    def __post_init__(self) -> None:
        wanted = self.per_second * self.seconds
        if not self.calls or self.seconds > MOST_SECONDS or not 1 <= wanted <= MOST_REQUESTS:
            raise ValueError(f"{wanted:.0f} requests in {self.seconds} s are none, or too many")

    def plan(self) -> str:
        """Write it down for the other process."""
        host, port = self.address
        calls = [
            {**call.headers, "method": call.method, "path": call.path, "body": call.body}
            for call in self.calls
        ]
        given = {key: value for key, value in asdict(self).items() if key != "address"}
        return json.dumps({**given, "host": host, "port": port, "calls": calls})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one request; `status` is 0 and `error` says why when no answer came.

    `due_at` is an instant of `time.monotonic`, which all processes of a machine share. `seconds`
    run from that instant, so that a late generator cannot make a service look fast; how `late` it
    was tells how busy the machine is with other things.
    """

    number: int
    call: int
    due_at: float
    late: float = 0.0
    seconds: float
    status: int
    error: str
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether it got what it asked for, while the client still waited."""
        return 200 <= self.status < 300

    @property
    def served_seconds(self) -> float:
        """How long the service had it: what it can answer for on a machine that is busy."""
        return self.seconds - self.late


class Addressed(Protocol):
    """Whatever can be asked."""

    @property
    def address(self) -> tuple[str, int]:
        """Its host and port."""


class Running:
    """Load that is being made; `outcomes` waits for its end."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._process = subprocess.Popen(
            [sys.executable, str(GENERATOR)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(load.plan())
        self._process.stdin.close()
        self._process.stdin = None

    def outcomes(self) -> list[Outcome]:
        """What became of each request, in the order in which they were due."""
        patience = self._load.seconds + self._load.timeout_seconds + GRACE_SECONDS
        written, _ = self._process.communicate(timeout=patience)
        if self._process.returncode:
            raise AssertionError("the load generator broke; its traceback is above")
        names = ("number", "call", "due_at", "late", "seconds", "status", "error", "headers")
        rows = [Outcome(**dict(zip(names, row, strict=True))) for row in json.loads(written)]
        return sorted(rows, key=lambda row: row.number)

    def stop(self) -> None:
        """Ask nothing more; what is still in flight is left out of the outcomes."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """Stop it, if it has not come to its end."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def running(load: Load) -> Iterator[Running]:
    """Make load beside what the block does."""
    made = Running(load)
    try:
        yield made
    finally:
        made.end()


def run(load: Load) -> list[Outcome]:
    """Make load and return what became of each request."""
    with running(load) as made:
        return made.outcomes()


def ask(
    server: Addressed,
    call: Call,
    *,
    per_second: float,
    seconds: float,
    timeout_seconds: float = 8.0,
) -> list[Outcome]:
    """Ask a server for one thing, with more patience than a person has."""
    return run(
        Load(
            address=server.address,
            calls=[call],
            per_second=per_second,
            seconds=seconds,
            timeout_seconds=timeout_seconds,
        )
    )


def goodput(outcomes: Iterable[Outcome], seconds: float) -> float:
    """Successful answers per second that came while the client still waited."""
    return sum(outcome.ok for outcome in outcomes) / seconds


def share(outcomes: Sequence[Outcome], of: Callable[[Outcome], bool] = lambda one: one.ok) -> float:
    """The part of the requests that succeeded, or that `of` is true for."""
    return sum(of(outcome) for outcome in outcomes) / len(outcomes) if outcomes else 0.0


def percentile(outcomes: Iterable[Outcome], percent: float, *, of: str = "seconds") -> float:
    """The seconds within which `percent` of the requests were over; 0 without any."""
    values: list[float] = sorted(getattr(outcome, of) for outcome in outcomes)
    return values[max(0, math.ceil(len(values) * percent / 100) - 1)] if values else 0.0
