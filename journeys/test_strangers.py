"""Everything that strangers send, sent through the gateway to the products of a running system."""

from __future__ import annotations

import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from system import SERVICES, until

from quintet.testing import hostile

AT_ONCE = 4
"""Half of the places that a service has: who is refused for want of one has shown nothing."""
PATIENCE_SECONDS = 15
PRODUCTS = "/api/v1/products/"
LAMP = {
    "sku": "STRANGE-01",
    "name": "Lamp",
    "description": "It shines.",
    "price_amount": 1999,
    "currency": "EUR",
    "stock": 1,
    "is_active": True,
}
GATEWAY = "gateway"
OF_GATEWAY = "http.log.access"
ABOUT_REQUESTS = {"quintet.access", "gunicorn.error"}
"""Who writes the one line: the application, or the server that refused a request by itself."""

PLAIN = {
    (400, "400 Bad Request"): 160,
    (400, "400 Bad Request: invalid header name"): 10,
    (400, "400 Bad Request: malformed Host header"): 25,
    (400, "400 Bad Request: missing required Host header"): 10,
    (417, ""): 1,
    (501, "Unsupported transfer encoding"): 10,
    (505, "505 HTTP Version Not Supported: unsupported protocol version"): 10,
}
"""What Go's parser says by itself, before there is a request for the gateway, and how often at
most: the changed bytes are never quite the same, since they are also those of a token."""

WAITED_FOR = 2
"""Requests of which something is missing: the gateway waits for it longer than we do."""

SERIES_MAX = 500


class Log:
    """What a process writes from now on."""

    def __init__(self, file):
        self.file, self.begin = file, file.stat().st_size

    def written(self):
        return self.file.read_bytes()[self.begin :]

    def numbers(self, *loggers):
        """How many lines there are about each request; what is no JSON is about none."""
        lines = [json.loads(line) for line in self.written().split(b"\n") if line[:1] == b"{"]
        return Counter(line["correlation_id"] for line in lines if line["logger"] in loggers)


class Visited:
    """A system that every stranger has been to."""

    def __init__(self, system, address, requests):
        before = samples(system)
        folder = system.state / "logs"
        self.logs = {name: Log(folder / f"{name}.log") for name in (GATEWAY, *SERVICES)}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            several = pool.map(lambda one: sent(address, one.data), requests)
            self.replies = {one.name: found for one, found in zip(requests, several, strict=True)}
        self.answers = [
            (name, reply) for name, found in self.replies.items() for reply in found or ()
        ]
        until(lambda: set(self.reached) <= set(self.told(*ABOUT_REQUESTS)), seconds=15)
        self.new = {name: found - before[name] for name, found in samples(system).items()}

    @property
    def waited_for(self):
        """How many never got an answer, since they had not said all."""
        return list(self.replies.values()).count(None)

    @property
    def reached(self):
        """Numbers of the requests that were answered by a service."""
        return numbers(reply for _, reply in self.answers if is_of_a_service(reply))

    def told(self, *loggers):
        """Numbers of the requests that the services wrote a line about, and how many lines."""
        return sum((self.logs[name].numbers(*loggers) for name in SERVICES), Counter())


def sent(address, data):
    """Every answer; none at all if the gateway waits for what is missing of the request."""
    try:
        return hostile.exchange(address, data, patience_seconds=PATIENCE_SECONDS)
    except TimeoutError:
        return None


def samples(system):
    """The series of each service, without their values."""
    texts = {name: system.inside(name).ask("GET", "/metrics").body.decode() for name in SERVICES}
    return {
        name: {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}
        for name, text in texts.items()
    }


def numbers(replies):
    return Counter(reply.headers["x-correlation-id"] for reply in replies)


def is_plain(reply):
    """Whether it is Go that answers, and not the gateway that is written in it."""
    return "x-correlation-id" not in reply.headers


def is_of_a_service(reply):
    """Whether it says that it is, or is no error; an answer to HEAD says nothing."""
    return not is_plain(reply) and bool(reply.body) and b'"service": "gateway"' not in reply.body


@pytest.fixture(scope="module")
def visited(system, gateway, operator):
    target = hostile.Target(
        collection=PRODUCTS,
        member=f"{PRODUCTS}{{}}/",
        written=json.dumps(LAMP).encode(),
        token=operator.token,
    )
    return Visited(system, gateway.address, hostile.requests(target))


def test_each_is_answered_once_unless_something_is_missing(visited):
    counted = {
        name: None if found is None else len(found) for name, found in visited.replies.items()
    }

    assert len(counted) == 881
    assert {name: found for name, found in counted.items() if found not in {1, None}} == {}
    assert visited.waited_for <= WAITED_FOR


def test_none_of_them_is_a_failure_of_a_service_or_of_the_gateway(visited):
    failed = [
        (name, reply.status, reply.body)
        for name, reply in visited.answers
        if reply.status >= 500 and not is_plain(reply)
    ]

    assert failed == []


def test_what_never_became_a_request_is_known_by_its_kind(visited):
    plain = [reply for _, reply in visited.answers if is_plain(reply)]
    kinds = Counter((reply.status, reply.body.decode()) for reply in plain)

    assert {kind: times for kind, times in kinds.items() if times > PLAIN.get(kind, 0)} == {}
    assert len(plain) < len(visited.answers) / 4


def test_each_that_reached_a_service_is_one_line_of_json_there(visited):
    reached, told = visited.reached, visited.told(*ABOUT_REQUESTS)

    assert reached.total() > 500
    assert {number: told[number] for number in reached if told[number] != reached[number]} == {}


def test_no_service_tells_of_what_the_gateway_has_answered_unless_a_body_broke_on_its_way(visited):
    answered = [reply for _, reply in visited.answers if not is_plain(reply)]
    broken = numbers(reply for reply in answered if not reply.body or reply.status == 400)

    also = visited.told(*ABOUT_REQUESTS) - visited.reached

    assert (also - broken).total() <= visited.waited_for


def test_the_gateway_tells_of_each_in_one_line(visited):
    answered = numbers(reply for _, reply in visited.answers if not is_plain(reply))

    told = visited.logs[GATEWAY].numbers(OF_GATEWAY)

    assert answered - told == Counter()
    assert all(times == 1 for number, times in told.items() if number not in answered)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_writes_nothing_but_lines_of_json(visited, name):
    written = visited.logs[name].written()

    for line in written.split(b"\n")[:-1]:
        assert json.loads(line)["service"] == name
    assert re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", written) is None
    assert re.search("[\x80-\x9f\u2028\u2029\u202a-\u202e]", written.decode()) is None


def test_no_answer_repeats_what_ends_a_header(visited):
    for name, reply in visited.answers:
        assert "x-injected" not in reply.headers, name
        assert "set-cookie" not in reply.headers, name


def test_none_of_them_makes_a_series_of_its_own(visited):
    new = set().union(*visited.new.values())
    endpoints = {found for one in new for found in re.findall(r'endpoint="([^"]*)"', one)}
    methods = {found for one in new for found in re.findall(r'method="([^"]*)"', one)}

    assert endpoints <= {PRODUCTS, f"{PRODUCTS}<int:pk>/", "<unmatched>"}
    assert methods <= {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "OTHER"}
    assert len(new) < SERIES_MAX
