from __future__ import annotations

import http.server
import json
import threading

import pytest

from quintet.embedded import ports
from quintet.fleet.walk import Unexpected, Walker


class Recorder(http.server.BaseHTTPRequestHandler):
    """Refuses everything with one rule, and keeps what it was sent."""

    seen: list[dict[str, str]] = []

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self):
        type(self).seen.append(dict(self.headers))
        error = {"details": {"business_rule": "out_of_stock"}}
        body = b"not json" if self.path == "/text/" else json.dumps({"error": error}).encode()
        self.send_response(422)
        self.send_header("X-Correlation-ID", "abc")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words):
        """Say nothing."""


@pytest.fixture
def gateway():
    Recorder.seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def walker(gateway):
    made = Walker(gateway, token="mine")
    yield made
    made._pool.clear()


def test_a_refusal_that_is_expected_names_its_rule(walker):
    answer = walker.post("/orders/", {"lines": []}, expect=422)

    assert answer.rule == "out_of_stock"
    assert answer.correlation_id == "abc"


def test_each_request_shows_the_token_and_begins_a_trace(walker):
    walker.get("/orders/", expect=422)
    walker.get("/orders/", expect=422)

    first, second = Recorder.seen
    assert first["Authorization"] == "Bearer mine"
    assert first["traceparent"] != second["traceparent"]


def test_another_status_than_expected_is_an_error_with_the_answer(walker):
    with pytest.raises(Unexpected, match=r"POST /orders/ gave 422 and not 201.*out_of_stock"):
        walker.post("/orders/", {})


def test_an_answer_that_is_no_json_is_shown_as_it_is(walker):
    assert walker.get("/text/", expect=422).body == "not json"


def test_nobody_at_the_gateway_is_an_error():
    with pytest.raises(Unexpected, match="GET /orders/"):
        Walker(f"http://127.0.0.1:{ports.choose()}").get("/orders/")
