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
    from collections.abc import Iterator

GOOD, BUSY = 200, 503


@dataclass(slots=True)
class Leaf:
    """What it does, and when it was asked."""

    port: int = 0
    fails: float = 0.0
    """The part of its answers that are 503, by chance."""
    seconds: float = 0.0
    """How long it takes."""
    asked_at: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - no secret

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self) -> int:
        """Count a request, and return the status of its answer."""
        with self.lock:
            self.asked_at.append(time.monotonic())
            fails = self.chance.random() < self.fails
        time.sleep(self.seconds)
        return BUSY if fails else GOOD

    def asked_since(self, instant: float) -> int:
        """How many requests came after an instant of ``time.monotonic``."""
        with self.lock:
            return sum(one >= instant for one in self.asked_at)


@contextmanager
def growing() -> Iterator[Leaf]:
    """Serve in threads of the tests."""
    leaf = Leaf()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status = leaf.take()
            body = b'{"answered": true}' if status == GOOD else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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
