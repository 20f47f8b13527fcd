from __future__ import annotations

import json
import logging
import socket
import time
from collections import deque

import pytest
from gunicorn.http.errors import InvalidRequestLine

from quintet.lifecycle import phase
from quintet.server.hearing import HearingWorker
from quintet.server.worker import ServiceWorker


@pytest.fixture
def worker():
    """A worker that was not started: nothing but what answering needs."""
    made = ServiceWorker.__new__(ServiceWorker)
    made.log = logging.getLogger("tests.worker")
    made._hearing = {}
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
    idle, silent, speaking = Connection(b""), Connection(b""), Connection(b"GET / HT")
    worker.keepalived_conns, worker.pending_conns = deque([idle]), deque()
    worker._hearing = {speaking: 1e8, silent: 1e9}
    begin()
    now = time.monotonic()

    try:
        worker._cap_keepalive(now + 2)
    finally:
        phase.begin_serving()

    assert list(worker._hearing) == [silent, speaking]
    assert worker._hearing[speaking] == 1e8
    assert (round(idle.timeout - now), round(worker._hearing[silent] - now)) == (left, left)


class Connection:
    """A connection as far as the end of it is decided."""

    def __init__(self, heard):
        self.heard = heard
        self.timeout = 1e9


def test_the_end_of_a_worker_is_not_forgotten_while_it_looks_for_its_master(worker, monkeypatch):
    """The signal comes when it wants to, in the middle of a line if need be."""
    worker.alive = True

    def looking(self):
        self.alive = False
        return True

    monkeypatch.setattr(HearingWorker, "is_parent_alive", looking)

    assert worker.is_parent_alive() is False
    assert worker.alive is False
