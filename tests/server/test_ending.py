"""The end of a service from outside: what is promised between SIGTERM and its exit code."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
import time

import pytest

from quintet.lifecycle import CUT_SHORT
from tests.server.running import PATIENCE_SECONDS, Shop

SOON_SECONDS = 0.1
UNREAD = b"GET /worker/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


GUNICORN = pytest.mark.parametrize("server", ["gunicorn"])
"""For what granian does not do: docs/server.md says it, and test_granian.py pins it."""


@pytest.fixture(params=["gunicorn", "granian"])
def server(request):
    return request.param


@pytest.fixture
def open_shop(tmp_path, server):
    """Start a shop with settings of its own; it ends with the test, whatever state it is in."""
    opened = []

    def start(**changed):
        changed = {"SERVER": server, **changed}
        served = Shop(tmp_path / f"log-{len(opened)}", start_new_session=True, **changed)
        opened.append(served)
        return served

    yield start
    for served in opened:
        served.kill()


@pytest.fixture
def serving(open_shop):
    def start(**changed):
        served = open_shop(**changed)
        served.wait_until(served.answers)
        return served

    return start


@pytest.fixture
def kept():
    """One connection that is asked again and again."""
    opened = []

    def ask(shop, path):
        if not opened:
            opened.append(http.client.HTTPConnection("127.0.0.1", shop.port, timeout=30))
        opened[0].request("GET", path)
        response = opened[0].getresponse()
        response.read()
        return response.status, response.headers["Connection"]

    yield ask
    for connection in opened:
        connection.close()


@pytest.fixture
def connect():
    """Raw connections that stay open until the test is over."""
    opened = []

    def to(shop):
        opened.append(socket.create_connection(("127.0.0.1", shop.port), timeout=5))
        return opened[-1]

    yield to
    for connection in opened:
        connection.close()


def asked(shop: Shop, path: str) -> tuple[threading.Thread, list[object]]:
    """Ask in a thread of its own; the list gets the answer, or the error of the connection."""
    answers: list[object] = []

    def ask() -> None:
        try:
            answers.append(shop.get(path, **{"X-Correlation-ID": "asked-before-the-end"})[0])
        except (OSError, http.client.HTTPException) as error:
            answers.append(type(error).__name__)

    thread = threading.Thread(target=ask)
    thread.start()
    shop.wait_until(lambda: b"active_connections 1.0" in shop.get("/metrics")[1])
    return thread, answers


def refused(shop: Shop, *, resets: bool = False) -> bool:
    """Whether a new connection finds nobody, rather than somebody who does not answer."""
    try:
        shop.get("/worker/")
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        if not resets:
            raise
    return False


def test_readiness_is_off_at_once_and_everything_is_still_served(serving, kept):
    shop = serving(WEB_WORKERS="2", DRAIN_SECONDS="2")
    assert kept(shop, "/readyz")[1] in {"keep-alive", None}

    shop.process.send_signal(signal.SIGTERM)
    time.sleep(SOON_SECONDS)

    assert kept(shop, "/readyz") == (503, "close")
    assert [shop.get("/livez")[0], shop.get("/worker/")[0]] == [200, 200]
    assert shop.process.wait(PATIENCE_SECONDS) == 0


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_changes_nothing(serving, again):
    shop = serving(DRAIN_SECONDS="1")
    asking, answers = asked(shop, "/slow/?seconds=2")

    shop.process.send_signal(signal.SIGTERM)
    time.sleep(SOON_SECONDS)
    shop.process.send_signal(again)
    time.sleep(SOON_SECONDS)
    assert shop.get("/worker/")[0] == 200
    time.sleep(1)
    shop.process.send_signal(again)

    asking.join()
    assert (answers, shop.process.wait(PATIENCE_SECONDS)) == ([200], 0)


@GUNICORN
def test_a_signal_to_the_whole_group_is_heard_by_the_master_alone(serving):
    shop = serving(WEB_WORKERS="2", DRAIN_SECONDS="1")
    shop.wait_until(lambda: len(shop.workers()) == 2)
    workers = shop.workers()

    for number in (signal.SIGINT, signal.SIGTERM):
        os.killpg(shop.process.pid, number)
        time.sleep(SOON_SECONDS)

    assert shop.workers() == workers
    assert shop.get("/worker/")[0] == 200
    assert shop.process.wait(PATIENCE_SECONDS) == 0


def test_a_worker_that_dies_while_draining_is_replaced(serving):
    shop = serving(DRAIN_SECONDS="3")
    victim = shop.pid()

    shop.process.send_signal(signal.SIGTERM)
    os.kill(victim, signal.SIGKILL)
    shop.wait_until(lambda: victim not in shop.workers() and shop.answers())

    assert shop.pid() != victim
    assert shop.process.wait(PATIENCE_SECONDS) == 0


def test_after_the_drain_nothing_new_is_accepted_and_what_is_in_flight_finishes(serving, server):
    """What waits for a worker of granian that ends is reset, as its documentation here says."""
    shop = serving(WEB_WORKERS="2")
    asking, answers = asked(shop, "/slow/?seconds=2")

    shop.process.send_signal(signal.SIGTERM)
    shop.wait_until(lambda: refused(shop, resets=server == "granian"))

    assert answers == []
    asking.join()
    assert (answers, shop.process.wait(PATIENCE_SECONDS)) == ([200], 0)


def test_what_is_not_finished_in_time_is_cut_and_named(serving):
    shop = serving(SHUTDOWN_SECONDS="1")
    asking, answers = asked(shop, "/slow/?seconds=20")

    shop.process.send_signal(signal.SIGTERM)
    code = shop.process.wait(10)

    asking.join()
    (cut,) = [line for line in shop.lines() if line["message"] == "request cut short"]
    assert (code, len(answers), answers[0] != 200) == (CUT_SHORT, 1, True)
    assert (cut["correlation_id"], cut["route"]) == ("asked-before-the-end", "/slow/")
    assert cut["level"] == "ERROR"


def test_a_worker_that_cannot_even_cut_is_killed(serving):
    shop = serving(SHUTDOWN_SECONDS="0.5")
    frozen = shop.pid()
    os.kill(frozen, signal.SIGSTOP)

    shop.process.send_signal(signal.SIGTERM)

    assert shop.process.wait(10) == CUT_SHORT
    assert any("Killing worker" in line["message"] for line in shop.lines())


@GUNICORN
def test_what_waits_to_be_accepted_is_answered(serving, connect):
    shop = serving()
    worker = shop.pid()
    os.kill(worker, signal.SIGSTOP)
    waiting = [connect(shop) for _ in range(5)]
    for one in waiting:
        one.sendall(UNREAD)

    shop.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    os.kill(worker, signal.SIGCONT)

    answers = [one.recv(65536) for one in waiting]
    assert [answer.partition(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 5
    assert shop.process.wait(PATIENCE_SECONDS) == 0


def test_clients_that_do_not_hang_up_hold_up_nobody(serving, connect):
    shop = serving()
    for _ in range(5):
        lazy = connect(shop)
        lazy.sendall(UNREAD)
        assert lazy.recv(65536).startswith(b"HTTP/1.1 200 OK")

    other = connect(shop)
    other.settimeout(4)  # gunicorn alone waits two seconds for each of them
    other.sendall(UNREAD)

    assert other.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_idle_connections_are_closed_before_what_is_in_flight_is_finished(serving, connect):
    shop = serving()
    idle = connect(shop)
    idle.sendall(UNREAD.replace(b"close", b"keep-alive"))
    with http.client.HTTPResponse(idle) as answer:
        answer.begin()
        answer.read()
    # gunicorn alone would keep the idle connection for two seconds, and the process with it.
    asking, answers = asked(shop, "/slow/?seconds=1.8")

    shop.process.send_signal(signal.SIGTERM)

    assert idle.recv(1) == b""
    assert answers == []
    asking.join()
    assert (answers, shop.process.wait(PATIENCE_SECONDS)) == ([200], 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("swallows", ["nothing", "it", "its kind"])
def test_a_signal_during_the_start_ends_cleanly(open_shop, number, swallows):
    shop = open_shop(DJANGO_SETTINGS_MODULE="shop.sleepy", SHOP_SWALLOWS=swallows)
    shop.wait_until(lambda: "starting" in shop.log.read_text())

    shop.process.send_signal(number)

    assert shop.process.wait(15) == 0
    assert "Traceback" not in shop.log.read_text()


@GUNICORN
def test_quit_ends_at_once(serving):
    shop = serving(DRAIN_SECONDS="30")
    asking, answers = asked(shop, "/slow/?seconds=20")

    shop.process.send_signal(signal.SIGQUIT)

    assert shop.process.wait(10) == CUT_SHORT
    asking.join()
    assert answers == ["RemoteDisconnected"]


def test_workers_finish_when_their_master_is_killed(serving):
    shop = serving()
    asking, answers = asked(shop, "/slow/?seconds=3")
    worker = shop.workers()

    shop.process.kill()
    shop.process.wait()

    asking.join()
    assert answers == [200]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while shop.workers() & worker:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@GUNICORN
def test_a_worker_that_asks_for_it_is_replaced_first_and_finishes_what_it_has(serving):
    shop = serving()
    asking, answers = asked(shop, "/slow/?seconds=2")
    before = shop.workers()

    asked_for = json.loads(shop.get("/recycled/")[1])
    shop.wait_until(lambda: shop.pid() not in before)

    assert asked_for == {"asked": True, "pid": next(iter(before))}
    assert answers == []
    asking.join()
    assert answers == [200]
    shop.wait_until(lambda: not shop.workers() & before)
    assert len(shop.workers()) == 1


def test_the_log_says_why_it_is_not_ready(serving):
    shop = serving(DRAIN_SECONDS="1")
    shop.process.send_signal(signal.SIGTERM)
    time.sleep(SOON_SECONDS)

    body = json.loads(shop.get("/readyz")[1])

    assert body["status"] == "unavailable"
    assert [line["because"] for line in shop.lines() if line["message"] == "not ready"] == [
        ["draining"]
    ]
