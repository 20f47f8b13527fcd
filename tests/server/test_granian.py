"""granian does the same for a sound request, and less for any other: what, is pinned here."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import time

import pytest

from quintet.lifecycle import CUT_SHORT
from tests.server.running import Shop, attempt


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("granian")
    served = Shop(folder / "log", SERVER="granian", WEB_WORKERS="2", TRUSTED_PROXIES="127.0.0.0/8")
    try:
        served.wait_until(lambda: len(served.workers()) == 2 and served.answers())
        yield served
    finally:
        served.stop()


def answer(shop, data):
    """The head and the body of what raw bytes are answered with."""
    with socket.create_connection(("127.0.0.1", shop.port), timeout=30) as raw:
        raw.sendall(data)
        head, _, body = raw.makefile("rb").read().partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0].decode(), body


def post(*lines):
    return "\r\n".join(["POST /worker/ HTTP/1.1", "Host: 127.0.0.1", *lines]).encode()


def test_everything_it_prints_is_json_of_one_shape(shop):
    assert {"_granian", "quintet.access"} <= {line["logger"] for line in shop.lines()}
    assert all(line["service"] == "shop" for line in shop.lines())


def test_a_body_is_handed_on(shop):
    connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=30)
    connection.request("POST", "/worker/", body=b"body")
    answered = json.loads(connection.getresponse().read())
    connection.close()

    assert answered["length"] == 4


def test_the_outside_is_https_when_the_proxy_says_so(shop):
    assert (
        json.loads(shop.get("/worker/", **{"X-Forwarded-Proto": "https"})[1])["scheme"] == "https"
    )


def test_metrics_are_the_sum_over_workers_that_come_and_go(tmp_path):
    served = Shop(tmp_path / "log", SERVER="granian", WEB_WORKERS="2")
    try:
        served.wait_until(lambda: len(served.workers()) == 2 and served.answers())
        before, victim = served.counted(), served.pid()

        os.kill(victim, signal.SIGKILL)
        served.wait_until(lambda: victim not in served.workers() and len(served.workers()) == 2)
        served.wait_until(served.answers)

        assert served.counted() >= before + 2
    finally:
        served.stop()


@pytest.mark.parametrize(
    "chunks", [("5", "hello", "0", "", ""), ("5", "hello", "zz", ""), ("5", "hello")]
)
def test_a_body_in_chunks_is_refused_since_its_end_is_not_known(shop, chunks):
    status, body = answer(
        shop, post("Connection: close", "Transfer-Encoding: chunked", "", *chunks)
    )

    assert status == "HTTP/1.1 411 Length Required"
    assert json.loads(body)["error"]["code"] == "API_ERROR"


def test_half_a_body_is_not_taken_for_a_whole_one(shop):
    with socket.create_connection(("127.0.0.1", shop.port), timeout=30) as raw:
        raw.sendall(post("X-Correlation-ID: only-half", "Content-Length: 10", "", "half"))
        raw.shutdown(socket.SHUT_WR)

        shop.wait_until(lambda: "only-half" in shop.log.read_text())

    (line,) = [line for line in shop.lines() if line["correlation_id"] == "only-half"]
    assert line["status"] == 400


@pytest.mark.parametrize("data", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nBad Name: x\r\n\r\n"])
def test_what_it_refuses_by_itself_is_not_in_the_envelope(shop, data):
    assert answer(shop, data) == ("HTTP/1.1 400 Bad Request", b"")


def test_an_underscore_in_the_name_of_a_header_is_taken_for_a_hyphen(shop):
    """The gateway removes those; a service that is reached without one has to know it."""
    connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=30)
    connection.request("GET", "/headers/", headers={"X_User_Id": "7"})
    seen = json.loads(connection.getresponse().read())
    connection.close()

    assert seen["X-User-Id"] == "7"


def test_a_worker_that_is_told_twice_to_end_loses_what_it_has(tmp_path):
    """Its master tells it once; a terminal and systemd tell every process of a group."""
    served = Shop(tmp_path / "log", SERVER="granian", SHUTDOWN_SECONDS="1", start_new_session=True)
    try:
        served.wait_until(served.answers)
        (worker,) = served.workers()
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as raw:
            raw.sendall(b"GET /slow/?seconds=2 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            time.sleep(0.5)
            for _ in range(2):
                os.kill(worker, signal.SIGTERM)
                time.sleep(0.2)
            served.process.send_signal(signal.SIGTERM)

            assert raw.recv(1) == b""
        assert served.process.wait(30) == CUT_SHORT
    finally:
        served.kill()


def test_a_port_has_to_be_named():
    ended = attempt(SERVER="granian", PORT="0")

    assert ended.returncode == 1
    assert "PORT is 0" in ended.stderr


@pytest.mark.parametrize(
    ("server", "extra"), [("granian", "quintet[granian]"), ("gunicorn", "quintet[server]")]
)
def test_a_server_that_is_not_installed_is_said_in_words(server, extra):
    ended = attempt(SERVER=server, SHOP_WITHOUT=server, PORT="1")

    assert ended.returncode == 1
    assert f"SERVER is {server}, which is not installed" in ended.stderr
    assert extra in ended.stderr
    assert "Traceback" not in ended.stderr


def test_granian_serves_without_gunicorn(tmp_path):
    served = Shop(tmp_path / "log", SERVER="granian", SHOP_WITHOUT="gunicorn")
    try:
        served.wait_until(served.answers)
    finally:
        assert served.stop() == 0
