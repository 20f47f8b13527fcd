"""Clients that send one byte at a time: slow networks do, and so do those who mean harm."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EVERY_SECONDS = 0.1
CONNECT_SECONDS = 5
READ_BYTES = 65_536


@dataclass(slots=True, kw_only=True)
class Drip:
    """A connection on which the end of the request never comes."""

    kind: str
    left: Iterator[int]
    """What is still to be sent, byte by byte."""

    socket: socket.socket
    began_at: float = field(default_factory=time.monotonic)
    ended_at: float = 0.0
    received: bytes = b""

    @property
    def is_open(self) -> bool:
        """Whether the other side still listens."""
        return not self.ended_at

    @property
    def seconds(self) -> float:
        """How long the other side listened."""
        return (self.ended_at or time.monotonic()) - self.began_at

    @property
    def status(self) -> int:
        """What it was answered, 0 for nothing."""
        return int(self.received.split(b" ")[1]) if self.received else 0

    def send(self) -> None:
        """Send the next byte; who has closed the connection is heard of by a read."""
        try:
            self.socket.send(bytes([next(self.left)]))
        except BlockingIOError:
            return
        except OSError:
            self.end()

    def read(self) -> None:
        try:
            piece = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        self.received += piece
        if not piece:
            self.end()

    def end(self) -> None:
        self.ended_at = self.ended_at or time.monotonic()


def head(path: str, **headers: str) -> tuple[bytes, bytes]:
    """What comes at once, and what comes byte by byte: a head without an end."""
    return _lines("GET", path, headers), b"X-Slow: " + b"a" * READ_BYTES


def body(path: str, **headers: str) -> tuple[bytes, bytes]:
    """A whole head, and a JSON body that never gets as long as announced."""
    announced = {"Content-Type": "application/json", "Content-Length": "30000", **headers}
    return _lines("POST", path, announced) + b"\r\n", b'{"name": "' + b"a" * 29_000


def _lines(method: str, path: str, headers: dict[str, str]) -> bytes:
    named = {"Host": "127.0.0.1", **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join(lines).encode() + b"\r\n"


@contextmanager
def dripping(
    address: tuple[str, int], several: dict[str, tuple[bytes, bytes]], *, each: int
) -> Iterator[list[Drip]]:
    """Keep `each` connections of every kind open beside what the block does."""
    drips = [_opened(address, kind, *said) for kind, said in several.items() for _ in range(each)]
    over = threading.Event()
    thread = threading.Thread(target=_drip, args=(drips, over))
    thread.start()
    try:
        yield drips
    finally:
        over.set()
        thread.join()
        for drip in drips:
            drip.socket.close()


def _opened(address: tuple[str, int], kind: str, ahead: bytes, rest: bytes) -> Drip:
    opened = socket.create_connection(address, CONNECT_SECONDS)
    opened.sendall(ahead)
    opened.setblocking(False)
    return Drip(kind=kind, left=iter(rest), socket=opened)


def _drip(drips: Sequence[Drip], over: threading.Event) -> None:
    with selectors.DefaultSelector() as selector:
        for drip in drips:
            selector.register(drip.socket, selectors.EVENT_READ, drip)
        while not over.wait(EVERY_SECONDS):
            for key, _ in selector.select(timeout=0):
                key.data.read()
                if not key.data.is_open:
                    selector.unregister(key.fileobj)
            for drip in drips:
                if drip.is_open:
                    drip.send()
