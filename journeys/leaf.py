"""The last service of a chain, which fails or is slow when it is told to, and counts who asks."""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GOOD, BUSY = 200, 503


@dataclass(frozen=True, slots=True)
class Answer:
    """What it says."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """How a first request is answered, and how late."""

    answer: Answer = Answer(GOOD)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: when it came, whose it is in the end, and which deed it is an attempt of."""

    at: float
    correlation_id: str
    key: str | None


@dataclass(slots=True)
class Leaf:
    """What it does, and when it was asked."""

    port: int = 0
    fails: float = 0.0
    """The part of its answers that are 503, by chance."""
    seconds: float = 0.0
    """How long it takes."""
    first: First | None = None
    """What becomes of the first request of each correlation id, in place of the above."""
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - no secret

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, asked: Asked) -> Answer:
        """Count a request, and say how it is answered."""
        with self.lock:
            is_first = all(one.correlation_id != asked.correlation_id for one in self.asked)
            self.asked.append(asked)
            fails = self.chance.random() < self.fails
        if self.first is not None and is_first:
            time.sleep(self.first.seconds)
            return self.first.answer
        time.sleep(self.seconds)
        return Answer(BUSY if fails else GOOD)

    def attempts(self) -> dict[str, list[Asked]]:
        """The requests of each correlation id."""
        with self.lock:
            ids = {one.correlation_id for one in self.asked}
            return {each: [one for one in self.asked if one.correlation_id == each] for each in ids}

    def asked_since(self, instant: float) -> int:
        """How many requests came after an instant of ``time.monotonic``."""
        with self.lock:
            return sum(one.at >= instant for one in self.asked)


@contextmanager
def growing() -> Iterator[Leaf]:
    """Serve in threads of the tests."""
    leaf = Leaf()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            number, key = self.headers["X-Correlation-ID"] or "", self.headers["Idempotency-Key"]
            answer = leaf.take(Asked(time.monotonic(), number, key))
            body = b'{"answered": true}' if answer.status == GOOD else b""
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Keep the output of the tests clean."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, *_: object) -> None:
            """Whoever did not wait for the answer has gone."""

    with Server(("127.0.0.1", 0), Handler) as server:
        leaf.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield leaf
        finally:
            server.shutdown()
            thread.join()
