from __future__ import annotations

import errno
import socket
import threading

import pytest

from quintet.resilience import deadline
from quintet.resilience.patience import Patience
from quintet.server import client as module
from quintet.server.client import Client, SlowBody, SlowRequest


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(module, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(module, "Patience", lambda seconds=0.2, **given: Patience(seconds, **given))


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    client = Client.of(ours)
    yield client, theirs
    client.close()
    theirs.close()


def dripping(theirs, stopped):
    while not stopped.wait(0.01):
        theirs.send(b"x")


@pytest.fixture
def drip(pair):
    """A client that sends one byte now and then."""
    stopped = threading.Event()
    thread = threading.Thread(target=dripping, args=(pair[1], stopped))
    thread.start()
    yield
    stopped.set()
    thread.join()


def read_to_the_end(client):
    while client.recv(65536):
        pass


def read_on(client):
    while True:
        client.recv(1)


def test_what_arrives_is_received(pair):
    client, theirs = pair
    theirs.sendall(b"hello")

    client.await_head()

    assert client.recv(3) == b"hel"
    client.await_body()
    assert client.recv(3) == b"lo"


def test_what_is_there_is_taken_without_waiting(pair):
    client, theirs = pair

    assert client.take(10) is None
    theirs.sendall(b"hello")
    assert client.take(3) == b"hel"
    assert client.take(3) == b"lo"
    theirs.close()
    assert client.take(3) == b""


def test_a_reset_is_an_end(pair):
    client, theirs = pair
    client.sendall(b"never read")

    theirs.close()

    assert client.take(3) == b""


def test_a_silent_head_is_too_slow(pair):
    pair[0].await_head()

    with pytest.raises(SlowRequest, match="did not arrive in time"):
        pair[0].recv(1)


def test_a_silent_body_is_too_slow(pair):
    pair[0].await_body()

    with pytest.raises(SlowBody):
        pair[0].recv(1)


@pytest.mark.usefixtures("drip")
def test_a_dripping_head_is_too_slow(pair):
    pair[0].await_head()

    with pytest.raises(SlowRequest):
        read_on(pair[0])


@pytest.mark.usefixtures("drip")
def test_a_dripping_body_is_too_slow(pair):
    pair[0].await_body()

    with pytest.raises(SlowBody):
        read_on(pair[0])


def test_a_body_that_keeps_its_pace_is_not_waited_for_beyond_the_deadline(pair):
    client, theirs = pair
    over = threading.Event()

    def feed():
        for _ in range(300):
            theirs.sendall(bytes(8192))
            if over.wait(0.01):
                break
        theirs.close()

    thread = threading.Thread(target=feed)
    thread.start()
    client.await_body()
    with deadline.within(0.3), pytest.raises(SlowBody):
        read_to_the_end(client)

    over.set()
    thread.join()


def test_a_client_that_does_not_read_its_answer_is_gone(pair):
    with pytest.raises(BrokenPipeError) as caught:
        pair[0].sendall(b"x" * 50_000_000)

    assert caught.value.errno == errno.EPIPE  # which gunicorn does not take for a mistake


def test_a_large_answer_arrives_whole(pair):
    client, theirs = pair
    received = []

    def read():
        while piece := theirs.recv(100_000):
            received.append(len(piece))

    reader = threading.Thread(target=read)
    reader.start()
    client.sendall(b"x" * 5_000_000)
    client.shutdown(socket.SHUT_WR)
    reader.join()

    assert sum(received) == 5_000_000


def test_after_the_end_of_the_answer_the_timeout_is_that_of_who_lingers(pair):
    pair[0].await_head()
    pair[0].shutdown(socket.SHUT_WR)
    pair[0].settimeout(0.01)

    with pytest.raises(TimeoutError):
        pair[0].recv(1)


def test_a_socket_is_taken_over_as_it_is():
    ours, theirs = socket.socketpair()
    ours.settimeout(7)
    number = ours.fileno()

    taken = Client.of(ours)

    assert (taken.gettimeout(), taken.fileno(), ours.fileno()) == (7, number, -1)
    taken.close()
    theirs.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


def arrived(theirs):
    theirs.setblocking(False)
    try:
        return theirs.recv(65536)
    except BlockingIOError:
        return b""


def test_the_head_of_an_answer_is_sent_with_its_body(pair):
    client, theirs = pair
    client.await_answer()

    client.sendall(HEAD)
    assert arrived(theirs) == b""

    client.sendall(b"hello")
    assert arrived(theirs) == HEAD + b"hello"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n",
    ],
)
def test_a_head_whose_body_may_take_its_time_is_sent_at_once(pair, head):
    client, theirs = pair
    client.await_answer()

    client.sendall(head)

    assert arrived(theirs) == head


def test_a_head_that_no_body_came_after_is_sent_in_the_end(pair):
    client, theirs = pair
    client.await_answer()
    client.sendall(HEAD)

    client.flush()
    client.flush()

    assert arrived(theirs) == HEAD


def test_a_file_comes_after_its_head(pair, tmp_path):
    client, theirs = pair
    file = tmp_path / "file"
    file.write_bytes(b"hello")
    client.await_answer()
    client.sendall(HEAD)

    with file.open("rb") as opened:
        client.sendfile(opened)

    assert arrived(theirs) == HEAD + b"hello"


def test_nothing_is_held_when_no_answer_is_awaited(pair):
    client, theirs = pair

    client.sendall(HEAD)

    assert arrived(theirs) == HEAD
