"""Levels and profiles of a service that has several processes."""

from __future__ import annotations

import http.client
import json
import threading

import pytest

from tests.server.running import PATIENCE_SECONDS

MANY = 40
"""Questions that do not all reach the same one of two workers."""


def post(shop, path, wish=None):
    connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=PATIENCE_SECONDS)
    connection.request("POST", path, json.dumps(wish or {}), {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read().decode()
    connection.close()
    return response.status, response.headers, answer


def levels(shop):
    """What `quintet.access` is at, in the workers that answered."""
    answers = (json.loads(shop.get("/loggers")[1]) for _ in range(MANY))
    return {answer["loggers"]["quintet.access"]["level"] for answer in answers}


def test_a_level_changes_in_all_workers_and_goes_back_in_all(fragile):
    fragile.wait_until(lambda: len(fragile.workers()) == 2)
    assert levels(fragile) == {None}

    status, _, _ = post(
        fragile, "/loggers", {"name": "quintet.access", "level": "DEBUG", "seconds": 5}
    )

    assert status == 200
    fragile.wait_until(lambda: levels(fragile) == {"DEBUG"})
    fragile.wait_until(lambda: levels(fragile) == {None})
    lines = [json.loads(line) for line in fragile.log.read_text().splitlines()]
    said = [line["message"] for line in lines if line.get("changed") == "quintet.access"]
    assert said == ["log level changed", "log level went back"]


@pytest.fixture
def customer(shop):
    """A request that takes its time."""
    thread = threading.Thread(target=shop.get, args=("/slow/?seconds=2",))
    thread.start()
    yield thread
    thread.join()


def test_a_profile_shows_what_the_requests_of_a_worker_do(shop, customer):
    seen = set()
    while customer.is_alive():
        status, headers, stacks = post(shop, "/profile?seconds=0.2")
        assert status == 200
        assert int(headers["X-Process-ID"]) in shop.workers()
        seen |= {stack.rpartition(" ")[0].split(";")[-1] for stack in stacks.splitlines()}

    assert "shop.urls:slow" in seen
