from __future__ import annotations

import json
import logging
import socket
import time
from collections import deque
from types import SimpleNamespace

import pytest
from gunicorn.http.errors import InvalidRequestLine

from quintet.lifecycle import phase
from quintet.server.worker import ServiceWorker


@pytest.fixture
def worker():
    """A worker that was not started: nothing but what answering needs."""
    made = ServiceWorker.__new__(ServiceWorker)
    made.log = logging.getLogger("tests.worker")
    return made


def test_a_client_that_is_gone_is_no_failure(worker):
    ours, theirs = socket.socketpair()
    theirs.close()

    worker.handle_error(None, ours, ("127.0.0.1", 1), InvalidRequestLine("GARBAGE"))

    ours.close()


def test_a_mistake_of_the_server_is_logged_with_its_cause_and_hidden(worker, captured_logs):
    ours, theirs = socket.socketpair()

    worker.handle_error(None, ours, None, RuntimeError("the disk is on fire"))

    ours.close()
    body = theirs.makefile("rb").read().partition(b"\r\n\r\n")[2]
    theirs.close()
    error = json.loads(body)["error"]
    assert (error["code"], "fire" in str(error)) == ("INTERNAL_ERROR", False)
    (line,) = [line for line in captured_logs if line["logger"] == "tests.worker"]
    assert "the disk is on fire" in line["exception"]
    assert line["correlation_id"] == error["correlation_id"]


def test_a_client_without_an_address_is_refused_like_any_other(worker, captured_logs):
    ours, theirs = socket.socketpair()

    worker.handle_error(None, ours, None, InvalidRequestLine("GARBAGE"))

    ours.close()
    assert theirs.makefile("rb").read().startswith(b"HTTP/1.1 400 Bad Request\r\n")
    theirs.close()
    assert any("from a local socket" in line["message"] for line in captured_logs)


@pytest.mark.parametrize(("begin", "left"), [(phase.begin_stopping, 0), (phase.begin_serving, 2)])
def test_idle_connections_end_with_the_drain_or_have_their_chance_without_one(worker, begin, left):
    idle, silent = SimpleNamespace(timeout=1e9), SimpleNamespace(timeout=1e9)
    worker.keepalived_conns, worker.pending_conns = deque([idle]), deque([silent])
    begin()
    now = time.monotonic()

    try:
        worker._cap_keepalive(now + 2)
    finally:
        phase.begin_serving()

    assert (round(idle.timeout - now), round(silent.timeout - now)) == (left, left)
