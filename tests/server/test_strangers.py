"""Everything that strangers send, sent to the running server over sockets."""

from __future__ import annotations

import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from quintet.testing import hostile
from tests.server.running import Shop

TARGET = hostile.Target(
    collection="/api/v1/things/",
    member="/api/v1/things/{}/",
    written=b'{"name": "Lamp", "count": 1, "tags": ["a"], "more": {"a": 1}}',
)
REQUESTS = hostile.requests(TARGET)
AT_ONCE = 8
ABOUT_REQUESTS = {"quintet.access", "gunicorn.error"}
"""Who writes the one line: the application, or the server that refused a request by itself."""


class Visited:
    """A shop that every stranger has been to."""

    def __init__(self, shop):
        self.before = samples(shop)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            address = ("127.0.0.1", shop.port)
            several = pool.map(lambda one: hostile.exchange(address, one.data), REQUESTS)
            self.replies = {one.name: found for one, found in zip(REQUESTS, several, strict=True)}
        self.after = samples(shop)
        self.answers = [
            (name, reply) for name, several in self.replies.items() for reply in several
        ]
        shop.stop()
        self.written = shop.log.read_bytes()


def samples(shop):
    text = shop.get("/metrics")[1].decode()
    return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}


@pytest.fixture(scope="module")
def visited(tmp_path_factory):
    shop = Shop(
        tmp_path_factory.mktemp("strangers") / "log", WEB_WORKERS="2", SLOW_REQUEST_SECONDS="0"
    )
    try:
        shop.wait_until(shop.answers)
        yield Visited(shop)
    finally:
        shop.stop()


def test_there_are_many_of_them_and_always_the_same():
    assert len(REQUESTS) > 500
    assert hostile.requests(TARGET) == REQUESTS
    assert hostile.requests(TARGET, seed=2) != REQUESTS


def test_each_is_answered_and_none_is_a_failure_of_the_service(visited):
    assert [name for name, several in visited.replies.items() if len(several) != 1] == []
    assert [(name, reply.status) for name, reply in visited.answers if reply.status >= 500] == []


def test_every_refusal_is_in_the_envelope(visited):
    refused = [(name, reply) for name, reply in visited.answers if reply.status >= 300]

    assert len(refused) > 300
    for name, reply in refused:
        assert is_bodiless(name) or is_envelope(reply), (name, reply)


def is_envelope(reply):
    if not reply.headers["content-type"].startswith("application/"):
        return False
    error = json.loads(reply.body)["error"]
    return error["correlation_id"] == reply.headers["x-correlation-id"] and error["code"]


def is_bodiless(name):
    return next(one for one in REQUESTS if one.name == name).data.startswith(b"HEAD ")


def test_each_is_one_line_of_json(visited):
    lines = [json.loads(line) for line in visited.written.splitlines()]
    ids = Counter(line["correlation_id"] for line in lines if line["logger"] in ABOUT_REQUESTS)
    answered = Counter(reply.headers["x-correlation-id"] for _, reply in visited.answers)

    assert {line["logger"] for line in lines} == {*ABOUT_REQUESTS, "quintet.auth"}
    assert {found: number for found, number in answered.items() if ids[found] != number} == {}


def test_no_line_can_be_more_than_a_line(visited):
    assert re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", visited.written) is None
    assert re.search("[\x80-\x9f\u2028\u2029\u202a-\u202e]", visited.written.decode()) is None


def test_no_answer_repeats_what_ends_a_header(visited):
    for name, reply in visited.answers:
        assert "x-injected" not in reply.headers, name
        assert "set-cookie" not in reply.headers, name


def test_none_of_them_makes_a_series_of_its_own(visited):
    new = visited.after - visited.before
    endpoints = {found for one in new for found in re.findall(r'endpoint="([^"]*)"', one)}
    methods = {found for one in new for found in re.findall(r'method="([^"]*)"', one)}

    assert endpoints <= {"/api/v1/things/", "/api/v1/things/<str:name>/", "/livez", "<unmatched>"}
    assert methods <= {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "OTHER"}
    assert len(new) < 500
