"""What clients do with bodies, asked over sockets of the running server."""

from __future__ import annotations

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from quintet.server.hearing import AHEAD_BYTES, is_enough

HEAD = b"POST /worker/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
TOO_LARGE = b"Content-Length: 10485761\r\n"
WAIT_SECONDS = 30


def exchange(port, *parts):
    """Send the parts, each after a moment, and read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS) as raw:
        for part in parts:
            raw.sendall(part)
        return heard(raw)


def heard(raw):
    received = b""
    while piece := raw.recv(65536):
        received += piece
    return received


def answers(received):
    return received.count(b"HTTP/1.1 ") - received.count(b"HTTP/1.1 100 ")


@pytest.mark.parametrize("path", [b"/worker/", b"/unread/"])
@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 5\r\n\r\nhello" + SMUGGLED,
        b"Content-Length: 0\r\n\r\n" + SMUGGLED,
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    ],
    ids=["length", "nothing", "chunks"],
)
def test_what_follows_a_body_is_no_request(shop, path, body):
    received = exchange(shop.port, HEAD.replace(b"/worker/", path) + body)

    assert received.startswith(b"HTTP/1.1 200 OK")
    assert answers(received) == 1


def test_what_follows_a_body_in_its_own_time_is_no_request_either(shop):
    with socket.create_connection(("127.0.0.1", shop.port), timeout=WAIT_SECONDS) as raw:
        raw.sendall(HEAD.replace(b"/worker/", b"/slow/") + b"Content-Length: 5\r\n\r\nhello")
        raw.sendall(SMUGGLED)

        assert answers(heard(raw)) == 1


def test_requests_without_a_body_may_be_sent_ahead(shop):
    ask = b"GET /worker/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"

    received = exchange(shop.port, ask + b"\r\n" + ask + b"Connection: close\r\n\r\n")

    assert answers(received) == 2


def test_a_connection_is_kept_after_a_body(shop):
    connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=WAIT_SECONDS)
    for _ in range(3):
        connection.request("POST", "/worker/", body=b"hello")
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["length"]) == (200, 5)
        assert response.headers["Connection"] == "keep-alive"
    connection.close()


@pytest.mark.parametrize(
    "heads",
    [
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
        b"Content_Length: 5\r\nTransfer-Encoding: identity\r\n",
    ],
)
def test_a_length_that_can_be_read_in_two_ways_ends_the_connection(shop, heads):
    received = exchange(shop.port, HEAD + heads + b"\r\nhello" + SMUGGLED)

    assert received.startswith(b"HTTP/1.1 400 Bad Request")
    assert answers(received) == 1
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error"]["code"]


def test_a_body_that_is_announced_too_large_is_not_asked_for(shop):
    received = exchange(shop.port, HEAD + TOO_LARGE + b"Expect: 100-continue\r\n\r\n")

    assert received.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in received
    assert b"PAYLOAD_TOO_LARGE" in received


def test_a_body_that_is_read_is_asked_for(shop):
    with socket.create_connection(("127.0.0.1", shop.port), timeout=WAIT_SECONDS) as raw:
        raw.sendall(
            HEAD + b"Connection: close\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"

        raw.sendall(b"hello")

        assert b'"length": 5' in heard(raw)


@pytest.mark.parametrize("closing", [b"", b"Connection: close\r\n"])
def test_the_refusal_of_a_body_that_is_sent_all_the_same_can_be_read(shop, closing):
    """It is not lost in a reset, whether the connection was to be kept or not."""
    received = exchange(shop.port, HEAD + closing + TOO_LARGE + b"\r\n" + b"x" * 4_000_000)

    assert b"PAYLOAD_TOO_LARGE" in received


def test_a_compressed_body_is_refused(shop):
    received = exchange(
        shop.port,
        HEAD + b"Connection: close\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
    )

    assert received.startswith(b"HTTP/1.1 415 ")


def test_whoever_stops_half_way_is_told_so_in_the_end(shop):
    """All at once, since each of them takes the patience of the server."""
    halves = [
        b"",
        b"GET /worker/ HTTP/1.1\r\nHost: 127",
        HEAD + b"Content-Length: 100\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\nhello",
    ]
    with ThreadPoolExecutor(len(halves)) as pool:
        silent, *received = pool.map(lambda half: exchange(shop.port, half), halves)

    assert silent == b""  # who said nothing is told nothing
    for answer in received:
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout")
        assert answers(answer) == 1
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "API_ERROR"


def test_slow_clients_cost_no_thread(shop):
    """There are far more of them than threads, and the service answers."""
    halves = [b"GET /worker/ HTTP/1.1\r\nHost: 127", HEAD + b"Content-Length: 100\r\n\r\nhello"]
    with ExitStack() as stack:
        for number in range(200):
            raw = socket.create_connection(("127.0.0.1", shop.port), timeout=WAIT_SECONDS)
            stack.enter_context(raw).sendall(halves[number % 2])

        assert [shop.get("/worker/")[0] for _ in range(20)] == [200] * 20


def test_a_request_in_single_bytes_is_a_request(shop):
    with socket.create_connection(("127.0.0.1", shop.port), timeout=WAIT_SECONDS) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in HEAD + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello":
            raw.sendall(bytes([byte]))

        assert b'"length": 5' in heard(raw)


@pytest.mark.parametrize("size", [AHEAD_BYTES - 200, AHEAD_BYTES, AHEAD_BYTES * 3])
def test_a_body_larger_than_what_is_heard_ahead_arrives_whole(shop, size):
    head = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % size

    assert b'"length": %d' % size in exchange(shop.port, head, b"x" * size)


def test_a_head_without_an_end_is_refused_when_it_has_become_too_long(shop):
    received = exchange(shop.port, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 150_000)

    assert received.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("heard", "enough"),
    [
        (b"", False),
        (b"GET / HTTP/1.1\r\n", False),
        (b"GET / HTTP/1.1\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{", False),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", True),
        (b"POST / HTTP/1.1\r\ncontent-length:2\r\n\r\n{}more", True),
        (b"POST / HTTP/1.1\r\nContent-Length: two\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 999999\r\n\r\n" + b"x" * 9_999, False),
        (b"POST / HTTP/1.1\r\nContent-Length: 999999\r\n\r\n" + b"x" * AHEAD_BYTES, True),
        (b"x" * AHEAD_BYTES, True),
    ],
)
def test_a_thread_gets_what_it_can_work_on(heard, enough):
    assert is_enough(bytearray(heard)) is enough


def test_a_client_that_leaves_half_way_leaves_nothing_behind(shop):
    with socket.create_connection(("127.0.0.1", shop.port), timeout=WAIT_SECONDS) as raw:
        raw.sendall(HEAD + b"Content-Length: 100\r\n\r\nhello")
        raw.shutdown(socket.SHUT_WR)

        assert heard(raw).startswith(b"HTTP/1.1 400 ")
