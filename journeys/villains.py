"""Servers that are asked for an answer and give none, or one that nobody can use."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_SECONDS = 20
"""However patient its client is, none of them lasts longer."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BOMB = gzip.compress(b"0" * 100_000_000)


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Give each client that has sent something to `answer`, in a thread of its own."""
    over = threading.Event()

    def attend(client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(MOST_SECONDS)
            client.recv(65_536)
            answer(client)

    def accept() -> None:
        while not over.is_set():
            with suppress(TimeoutError):
                client, _ = listener.accept()
                threading.Thread(target=attend, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        listener.settimeout(0.1)
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


@contextmanager
def black_hole() -> Iterator[str]:
    """A port at which a connection never comes about: what is sent to it is dropped."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:  # those the kernel accepts by itself; it drops all who come after them
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(address)
        time.sleep(0.2)
        try:
            yield f"http://127.0.0.1:{address[1]}"
        finally:
            for one in waiting:
                one.close()


@contextmanager
def nobody() -> Iterator[str]:
    """A port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def nameless() -> Iterator[str]:
    """A name that does not exist (RFC 6761)."""
    yield "http://service.invalid:8000"


def silent(client: socket.socket) -> None:
    """Take the request, and say nothing."""
    client.recv(1)


def dripping(client: socket.socket) -> None:
    """Send one byte of the body now and then."""
    client.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
    _repeat(client, b" ", pause=0.1)


def endless_head(client: socket.socket) -> None:
    """Send one header after the other."""
    client.sendall(HEAD)
    _repeat(client, b"X-More: " + b"x" * 1000 + b"\r\n")


def endless_body(client: socket.socket) -> None:
    """Send a body without an end, as fast as it is taken."""
    client.sendall(HEAD + b"Content-Length: 1000000000\r\n\r\n")
    _repeat(client, b" " * 65_536)


def cut_off(client: socket.socket) -> None:
    """Promise more than is sent."""
    client.sendall(HEAD + b'Content-Length: 1000\r\n\r\n{"answered": true}')


def bomb(client: socket.socket) -> None:
    """Send what is a thousand times as large when it is inflated."""
    length = f"Content-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n\r\n".encode()
    client.sendall(HEAD + length + BOMB)


def _repeat(client: socket.socket, piece: bytes, *, pause: float = 0.0) -> None:
    ends_at = time.monotonic() + MOST_SECONDS
    while time.monotonic() < ends_at:
        client.sendall(piece)
        time.sleep(pause)
