"""A server that runs out of descriptors and threads, while it runs."""

from __future__ import annotations

import errno
import http.client
import json
import os
import resource
import socket
import threading
from contextlib import ExitStack
from types import SimpleNamespace

import psutil
import pytest
from gunicorn.config import Config

from quintet.server import scarcity
from quintet.server.scarcity import ScarceWorker, Threads
from tests.server.running import PATIENCE_SECONDS, Shop

FEW_FILES = 64
MANY = 120


@pytest.fixture
def shop(tmp_path):
    served = Shop(tmp_path / "log", WEB_WORKERS="1")
    try:
        served.wait_until(served.answers)
        yield served
    finally:
        served.stop()


def connected(shop, stack):
    connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=PATIENCE_SECONDS)
    stack.callback(connection.close)
    connection.connect()
    return connection


def asked(connection):
    """The status, or why there was none, and the answer."""
    try:
        connection.request("GET", "/worker/")
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__, {}, b""


def test_without_a_descriptor_to_spare_newcomers_are_told_and_the_others_are_served(shop):
    (pid,) = shop.workers()
    worker = psutil.Process(pid)
    before = worker.rlimit(psutil.RLIMIT_NOFILE)
    worker.rlimit(psutil.RLIMIT_NOFILE, (FEW_FILES, before[1]))

    with ExitStack() as stack:
        connections = [connected(shop, stack) for _ in range(MANY)]
        answers = [asked(connection) for connection in connections]
        again = [
            asked(one) for one, answer in zip(connections, answers, strict=True) if answer[0] == 200
        ]
    shop.wait_until(
        lambda: len(worker.open_files()) + len(worker.net_connections()) < FEW_FILES // 2
    )

    statuses = [status for status, _, _ in answers]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= 5
    assert {status for status, _, _ in again} == {200}
    _, headers, body = next(answer for answer in answers if answer[0] == 503)
    assert headers["Retry-After"] == "1"
    assert json.loads(body)["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert shop.workers() == {pid}
    assert shop.get("/worker/")[0] == 200

    worker.rlimit(psutil.RLIMIT_NOFILE, before)
    with ExitStack() as stack:
        connections = [connected(shop, stack) for _ in range(MANY)]
        assert {asked(connection)[0] for connection in connections} == {200}


class Listener:
    """A listener that fails as it is told to, and then gives the ends of socket pairs."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = list(numbers)
        self.theirs: list[socket.socket] = []

    def accept(self):
        if self.numbers:
            raise OSError(self.numbers.pop(0), "no")
        ours, theirs = socket.socketpair()
        self.theirs.append(theirs)
        return ours, ("127.0.0.1", 1)

    def getsockname(self):
        return "127.0.0.1", 80


@pytest.fixture
def worker():
    """A worker that was not started: nothing but what accepting needs."""
    made = ScarceWorker.__new__(ScarceWorker)
    made.nr_conns, made.cfg, made._hearing = 0, SimpleNamespace(), {}
    made._reserve = scarcity._nothing()
    yield made
    if made._reserve is not None:
        os.close(made._reserve)


@pytest.mark.parametrize("number", sorted(scarcity._SCARCE))
def test_the_descriptor_that_was_put_aside_is_enough_to_say_no(worker, number):
    listener = Listener(number)

    worker.accept(listener)

    (theirs,) = listener.theirs
    with theirs:
        said = theirs.makefile("rb").read()
    assert said.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert worker._reserve is not None
    assert worker.nr_conns == 0


def test_where_nothing_is_left_to_say_no_with_the_loop_rests_a_moment(worker, monkeypatch):
    os.close(worker._reserve)
    worker._reserve = None
    rests = []
    monkeypatch.setattr(scarcity.time, "sleep", rests.append)

    worker.accept(Listener(errno.EMFILE))

    assert len(rests) == 1
    assert worker._reserve is not None


def test_one_who_could_not_even_be_refused_is_left(worker):
    worker.accept(Listener(errno.EMFILE, errno.EMFILE))

    assert worker._reserve is not None


def test_another_mistake_of_a_listener_is_one(worker):
    with pytest.raises(OSError, match="no"):
        worker.accept(Listener(errno.EBADF))


def test_nobody_there_is_no_mistake(worker):
    worker.accept(Listener(errno.EAGAIN))

    assert worker.nr_conns == 0


def test_a_descriptor_cannot_always_be_put_aside(monkeypatch):
    monkeypatch.setattr(os, "devnull", "/nowhere")

    assert scarcity._nothing() is None


@pytest.mark.parametrize(
    ("limit", "descriptor", "spare"),
    [(1024, 1007, False), (1024, 1008, True), (16, 11, False), (16, 12, True)],
)
def test_the_last_descriptors_are_for_the_requests(monkeypatch, limit, descriptor, spare):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))

    assert scarcity._is_spare(descriptor) is spare


def test_without_a_limit_none_is_the_last(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)

    assert not scarcity._is_spare(10**6)


def test_work_is_done_by_the_threads_that_there_are(monkeypatch):
    entered, leaves = threading.Event(), threading.Event()
    done = []

    def refuse(_):
        raise RuntimeError("can't start new thread")

    with Threads(4) as pool:
        pool.submit(lambda: (entered.set(), leaves.wait(30)))
        assert entered.wait(30)
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            assert not pool.is_behind()
            waiting = pool.submit(done.append, 1)
            assert pool.is_behind()
        leaves.set()
        waiting.result(30)
        assert not pool.is_behind()
        pool.submit(int).result(30)

    assert done == [1]


def test_a_connection_for_which_there_is_no_thread_is_turned_away(worker):
    worker.tpool = SimpleNamespace(is_behind=lambda: True)
    listener = Listener()
    worker.cfg = Config()

    worker.accept(listener)

    (theirs,) = listener.theirs
    with theirs:
        assert theirs.makefile("rb").read().startswith(b"HTTP/1.1 503 ")
    assert worker.nr_conns == 0


def test_a_pool_without_any_thread_says_so(monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    with pytest.raises(RuntimeError, match="new thread"):
        Threads(4).submit(int)
