"""What gunicorn answers by itself, asked over a socket, and the table behind it."""

from __future__ import annotations

import json
import re

import pytest
from gunicorn.http import errors as http

from quintet.server.refusals import context_of, refusal_of

HOST = b"Host: 127.0.0.1\r\n"
TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
TOO_LONG = b"a" * 10_000


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GARBAGE\r\n\r\n", "400 Bad Request"),
        (b"GET / HTTP/9.9\r\n\r\n", "400 Bad Request"),
        (b"GET /worker/ HTTP/1.1\r\nNo-Colon\r\n\r\n", "400 Bad Request"),
        (b"GET /" + TOO_LONG + b" HTTP/1.1\r\n\r\n", "414 URI Too Long"),
        (
            b"GET / HTTP/1.1\r\n" + HOST + b"X-Long: " + TOO_LONG + b"\r\n\r\n",
            "431 Request Header Fields Too Large",
        ),
        (
            b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: nonsense\r\n\r\n",
            "400 Bad Request",
        ),
    ],
)
def test_a_request_that_never_reaches_the_application_gets_the_envelope(shop, sent, status):
    line, headers, body = shop.send(sent)

    assert line == status
    assert headers["Content-Type"] == "application/json"
    assert headers["Connection"] == "close"
    assert body["error"]["code"] == "API_ERROR"
    assert body["error"]["service"] == "shop"
    assert body["error"]["correlation_id"] == headers["X-Correlation-ID"]


def test_what_was_sent_is_not_repeated_to_the_sender(shop):
    _, _, body = shop.send(b"GARBAGE<script>\r\n\r\n")

    assert "script" not in json.dumps(body)


def test_a_refusal_is_one_line_in_the_log_with_its_correlation_id(shop):
    _, headers, _ = shop.send(b'GARBAGE"} {"level":"CRITICAL"\r\n\r\n')

    lines = [json.loads(line) for line in shop.log.read_text().splitlines()]
    found = [line for line in lines if line["correlation_id"] == headers["X-Correlation-ID"]]
    assert [line["level"] for line in found] == ["WARNING"]


@pytest.mark.parametrize(
    "head",
    [b"get / HTTP/1.1\r\n", b"GET /worker/ HTTP/1.1\r\nNo-Colon\r\n"],
    ids=["line", "header"],
)
def test_a_refusal_keeps_the_correlation_id_of_its_caller(shop, head):
    _, headers, body = shop.send(head + HOST + b"X-Correlation-Id: mine-7\r\n\r\n")

    assert body["error"]["correlation_id"] == headers["X-Correlation-ID"] == "mine-7"
    lines = [json.loads(line) for line in shop.log.read_text().splitlines()]
    assert "mine-7" in {line["correlation_id"] for line in lines}


@pytest.mark.parametrize(
    ("heard", "number"),
    [
        (b"X-CORRELATION-ID:mine-7\r\n\r\n", "mine-7"),
        (b"G / HTTP/1.1\r\nx-correlation-id: \tmine-7 \r\nX: y\r\n", "mine-7"),
        (b"X: y\r\nx-correlation-id: mine-7", "mine-7"),
        (b"traceparent: 00-%s-00f067aa0ba902b7-01\r\n\r\n" % TRACE, TRACE.decode()),
    ],
)
def test_the_number_of_a_caller_is_found_in_what_was_heard(heard, number):
    assert context_of(heard).correlation_id == number


@pytest.mark.parametrize(
    "heard",
    [
        b"",
        b"G / HTTP/1.1\r\n\r\nx-correlation-id: mine-7\r\n",
        b"x-correlation-id: mine 7\r\n",
        b"x-correlation-id: <mine>\r\n",
        b"x-correlation-id: mine-7\nX: y\r\n",
        b"x-correlation-id: mine-7\r\nx-correlation-id: mine-8\r\n",
        b"Not-x-correlation-id: mine-7\r\n",
        b"x-correlation-id: \xff\r\n",
    ],
)
def test_what_is_no_number_of_a_caller_is_replaced(heard):
    assert re.fullmatch("[0-9a-f]{32}", context_of(heard).correlation_id)


def test_what_was_sent_is_not_repeated_in_the_log(shop):
    shop.send(b"GET /worker/ HTTP/1.1\r\nAuthorization  hunter2-is-my-password\r\n\r\n")

    assert "hunter2" not in shop.log.read_text()


def test_a_refusal_is_counted(shop):
    shop.send(b"GARBAGE\r\n\r\n")

    text = shop.get("/metrics")[1].decode()
    assert 'http_requests_total{endpoint="<unmatched>",method="OTHER",status="400"}' in text


def test_a_refused_body_is_heard_out_so_that_the_refusal_arrives(shop):
    """A connection closed on unread bytes is reset, and takes the answer with it."""
    body = b"x" * (10 * 1024 * 1024 + 1)
    head = f"POST /nowhere/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"

    line, _, answer = shop.send(head.encode() + body)

    assert (line[:3], answer["error"]["code"]) == ("413", "PAYLOAD_TOO_LARGE")


def test_a_malformed_chunk_is_the_mistake_of_the_client(shop):
    chunked = b"POST /worker/ HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"

    line, _, body = shop.send(chunked)

    assert line == "400 Bad Request"
    assert body["error"]["code"] == "VALIDATION_ERROR"


def test_a_well_formed_chunk_arrives(shop):
    chunked = (
        b"POST /worker/ HTTP/1.1\r\n"
        + HOST
        + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    )

    _, _, body = shop.send(chunked)

    assert body["length"] == 5


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (http.InvalidRequestMethod("GE T"), 400, "API_ERROR"),
        (http.ExpectationFailed("200-ok"), 417, "API_ERROR"),
        (http.InvalidSchemeHeaders(), 400, "API_ERROR"),
        (http.ForbiddenProxyRequest("10.0.0.1"), 403, "PERMISSION_ERROR"),
        (http.ConfigurationProblem("bad"), 500, "INTERNAL_ERROR"),
        (http.InvalidResponseHeader("X: \n"), 500, "INTERNAL_ERROR"),
        (RuntimeError("a mistake of ours"), 500, "INTERNAL_ERROR"),
    ],
)
def test_each_error_has_its_status_and_code(error, status, code):
    refusal = refusal_of(error)

    assert (refusal.status, refusal.error.error_code) == (status, code)
    assert str(error) not in refusal.error.message
