from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from quintet import wire
from quintet.errors import ExternalServiceException
from tests.wire.servers import read_head, saying, talking
from tests.wire.test_exchange import OK

SHORT = OK + b"Content-Length: 2\r\n\r\nhi"


def ask(url, interrupt):
    return wire.exchange(
        wire.Request(
            service="users",
            method="GET",
            base_url=url,
            target="/",
            timeout_seconds=30.0,
            interrupt=interrupt,
        )
    )


@pytest.fixture
def full():
    """The URL of a listener whose queue is full: who connects waits."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        crowd = [socket.socket() for _ in range(3)]
        for sock in crowd:
            sock.setblocking(False)
            sock.connect_ex(address)
        yield f"http://127.0.0.1:{address[1]}"
        for sock in crowd:
            sock.close()


def ended_by_another_thread(url, *, when):
    """Whether the exchange ends as interrupted, long before its time, once ``when`` is set."""
    interrupt = wire.Interrupt()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ask, url, interrupt)
        assert when.wait(10)
        interrupt.set()
        with pytest.raises(wire.Interrupted):
            running.result(10)
    return True


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200", OK + b"Content-Length: 9\r\n\r\nhalf"])
def test_whoever_waits_for_an_answer_is_ended(said):
    has_asked = threading.Event()

    def silent(sock, gone):
        read_head(sock)
        sock.sendall(said)
        has_asked.set()
        gone.wait()

    with talking(silent) as url:
        assert ended_by_another_thread(url, when=has_asked)


def test_whoever_waits_for_a_connection_is_ended(full, monkeypatch):
    connecting = threading.Event()
    watch = wire.Interrupt.watch
    monkeypatch.setattr(
        wire.Interrupt, "watch", lambda self, sock: (watch(self, sock), connecting.set())
    )

    assert ended_by_another_thread(full, when=connecting)


def test_whoever_is_about_to_connect_is_ended(full, monkeypatch):
    interrupt, connect = wire.Interrupt(), wire.connections._PlainSocket.connect_ex

    def slowly(sock, address):
        interrupt.set()
        return connect(sock, address)

    monkeypatch.setattr(wire.connections._PlainSocket, "connect_ex", slowly, raising=False)

    with ThreadPoolExecutor(1) as pool, pytest.raises(wire.Interrupted):
        pool.submit(ask, full, interrupt).result(10)


def test_the_peer_of_an_ended_exchange_sees_that_nobody_waits():
    has_asked, hung_up = threading.Event(), threading.Event()

    def patient(sock, gone):
        read_head(sock)
        has_asked.set()
        if sock.recv(1) == b"":
            hung_up.set()

    with talking(patient) as url:
        ended_by_another_thread(url, when=has_asked)
        assert hung_up.wait(10)


def test_an_exchange_that_was_ended_before_it_begins_asks_nobody():
    asked = []
    interrupt = wire.Interrupt()
    interrupt.set()

    with (
        talking(lambda sock, gone: asked.append(read_head(sock))) as url,
        pytest.raises(wire.Interrupted),
    ):
        ask(url, interrupt)

    assert b"".join(asked) == b""


def test_a_pooled_connection_is_not_ended_by_whoever_had_it_before():
    connections = []

    def keep_answering(sock, gone):
        connections.append(sock)
        while read_head(sock):
            sock.sendall(SHORT)

    first = wire.Interrupt()
    with talking(keep_answering) as url:
        ask(url, first)
        first.set()
        assert ask(url, None).body == b"hi"

    assert len(connections) == 1


def test_an_ended_exchange_leaves_no_connection_behind():
    answers = iter([b"HTTP/1.1 2", SHORT])
    has_asked = threading.Event()

    def in_turn(sock, gone):
        read_head(sock)
        sock.sendall(next(answers))
        has_asked.set()
        sock.recv(1)

    with talking(in_turn) as url:
        ended_by_another_thread(url, when=has_asked)
        assert ask(url, wire.Interrupt()).body == b"hi"


def test_what_a_peer_does_wrong_stays_its_own_fault():
    with talking(saying(b"nonsense")) as url, pytest.raises(ExternalServiceException):
        ask(url, wire.Interrupt())
