from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager

import pytest

from quintet.testing import hostile

TARGET = hostile.Target(
    collection="/things/", member="/things/{}/", written=b'{"name": "x"}', token="t"
)
TWO = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 X\r\nX-Y: z\r\n\r\nnothing"


@contextmanager
def saying(said, *, linger=None):
    """A server that says this to whoever connects, and closes."""

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(100_000)
            connection.sendall(said)
            if linger is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()
        thread.join()


def test_all_answers_of_a_connection_are_told_apart():
    with saying(b"HTTP/1.1 100 Continue\r\n\r\n" + TWO) as address:
        first, second = hostile.exchange(address, b"GET / HTTP/1.1\r\n\r\n")

    assert (first.status, first.body) == (200, b"ok")
    assert (second.status, second.headers, second.body) == (404, {"x-y": "z"}, b"nothing")


def test_an_answer_to_head_has_no_body():
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + TWO) as address:
        replies = hostile.exchange(address, b"HEAD / HTTP/1.1\r\n\r\n")

    assert [(reply.status, reply.body) for reply in replies] == [
        (200, b""),
        (200, b"ok"),
        (404, b"nothing"),
    ]


def test_what_came_before_a_reset_is_kept():
    reset = struct.pack("ii", 1, 0)
    with saying(b"", linger=reset) as address:
        assert hostile.exchange(address, b"GET / HTTP/1.1\r\n\r\n") == []


def test_a_server_that_says_nothing_is_not_waited_for_for_ever():
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(TimeoutError):
        hostile.exchange(listener.getsockname(), b"GET / HTTP/1.1\r\n\r\n", patience_seconds=0.1)


def test_a_client_that_is_known_says_so_except_where_it_lies_about_that():
    several = hostile.requests(TARGET)
    known = [one for one in several if b"Authorization: Bearer t\r\n" in one.data]

    assert len(several) > len(known) > 700
    assert len({one.name for one in several}) == len(several)


@pytest.mark.parametrize("ending", [b"Connection: close\r\n"])
def test_the_connection_of_almost_every_request_ends_with_its_answer(ending):
    several = hostile.requests(TARGET)

    assert len([one for one in several if ending not in one.data]) < 5
