from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

import pytest

from tests.fleet.system import decoded, eventually

TRACE = "0af7651916cd43dd8448eb211c80319c"
PROBLEM = {"Accept": "application/problem+json"}
INSIDE = [
    "/metrics",
    "/health",
    "/health/",
    "/livez",
    "/readyz",
    "/internal/v1/anything/",
    "/loggers",
    "/profile",
]
TRICKS = [
    "/api/v1/alpha/../../../internal/x",
    "/%69nternal/x",
    "//internal/x",
    "/docs/alpha/../../metrics",
]


def raw(system, request):
    """Send bytes as they are: clients normalise paths and headers."""
    address = urlsplit(system.status()["gateway"])
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()


def plain(path, *headers):
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def seen_by_alpha(system, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return decoded(system.ask("/api/v1/alpha/", headers=named))["headers"]


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_a_prefix_leads_to_its_service(system, name):
    answer = decoded(system.ask(f"/api/v1/{name}/things/7/"))

    assert answer["service"] == name
    assert answer["path"] == f"/api/v1/{name}/things/7/"


def test_a_prefix_is_no_prefix_of_longer_words(system):
    assert system.ask("/api/v1/alphabet/").status == 404


@pytest.mark.parametrize("path", INSIDE)
def test_what_is_inside_is_not_found_from_outside(system, path):
    answer = system.ask(path)

    assert answer.status == 404
    assert decoded(answer)["error"]["service"] == "gateway"


@pytest.mark.parametrize("path", TRICKS)
def test_a_crooked_path_does_not_lead_inside(system, path):
    assert raw(system, plain(path)).startswith("HTTP/1.1 404")


def test_an_unknown_address_is_the_envelope(system):
    error = decoded(system.ask("/nowhere/"))["error"]

    assert set(error) == {"code", "message", "details", "correlation_id", "service", "timestamp"}
    assert error["code"] == "NOT_FOUND"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d", error["timestamp"])


def test_an_unknown_address_is_a_problem_for_who_asks_for_one(system):
    answer = system.ask("/nowhere/", headers=PROBLEM)

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert decoded(answer)["status"] == 404
    assert decoded(answer)["correlation_id"] == answer.headers["X-Correlation-ID"]


def test_the_gateway_does_not_name_its_product(system):
    answers = [system.ask("/nowhere/"), system.ask("/api/v1/alpha/")]

    assert not any({"Server", "Via"} & set(answer.headers) for answer in answers)


def test_a_valid_trace_is_the_correlation_of_an_error(system):
    answer = system.ask("/nowhere/", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})

    assert decoded(answer)["error"]["correlation_id"] == TRACE
    assert answer.headers["X-Correlation-ID"] == TRACE


def test_the_service_sees_the_same_correlation(system):
    seen = seen_by_alpha(system, traceparent=f"00-{TRACE}-b7ad6b7169203331-01")

    assert seen["HTTP_X_CORRELATION_ID"] == TRACE
    assert seen["HTTP_TRACEPARENT"] == f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "trace",
    ["nonsense", f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{TRACE}-{'0' * 16}-01"],
)
def test_an_invalid_trace_is_dropped_and_replaced(system, trace):
    seen = seen_by_alpha(system, traceparent=trace, tracestate="a=1")

    assert "HTTP_TRACEPARENT" not in seen
    assert "HTTP_TRACESTATE" not in seen
    assert re.fullmatch("[0-9a-f]{32}", seen["HTTP_X_CORRELATION_ID"])


def test_a_valid_identifier_of_the_client_is_kept(system):
    seen = seen_by_alpha(system, X_Correlation_ID="order-7.a")

    assert seen["HTTP_X_CORRELATION_ID"] == "order-7.a"


@pytest.mark.parametrize("identifier", ["a b", "x" * 65, '{"a":1}'])
def test_an_invalid_identifier_is_replaced(system, identifier):
    answer = system.ask("/nowhere/", headers={"X-Correlation-ID": identifier})

    assert re.fullmatch("[0-9a-f]{32}", decoded(answer)["error"]["correlation_id"])


def test_forwarded_headers_are_written_by_the_gateway_alone(system):
    seen = seen_by_alpha(
        system, X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="https", X_Forwarded_User="root"
    )

    assert seen["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
    assert seen["HTTP_X_FORWARDED_PROTO"] == "http"
    assert "HTTP_X_FORWARDED_USER" not in seen


@pytest.mark.parametrize(
    "header",
    [
        "X-User-Id",
        "X-Internal-Token",
        "X-Real-IP",
        "X-Request-Timeout-Ms",
        "Forwarded",
        "X_User_Id",
        "X_Forwarded_For",
    ],
)
def test_a_header_that_only_the_inside_may_send_is_removed(system, header):
    sent = raw(system, plain("/api/v1/alpha/", f"{header}: forged"))

    assert sent.startswith("HTTP/1.1 200")
    assert "forged" not in sent


@pytest.mark.parametrize("chunked", [True, False])
def test_a_large_body_is_refused_with_the_envelope(system, chunked):
    pieces = [b"x" * 1_048_576] * 10 + [b"x"]
    body = iter(pieces) if chunked else b"".join(pieces)

    answer = system.ask("/api/v1/alpha/", "POST", body=body)

    assert answer.status == 413
    assert decoded(answer)["error"]["code"] == "PAYLOAD_TOO_LARGE"


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"3\r\n{}\r\n0\r\n\r\n",
        b"1\r\n{}\r\n0\r\n\r\n",
        b"2\n{}\n0\n\n",
        b"f" * 17 + b"\r\n{}\r\n0\r\n\r\n",
    ],
    ids=lambda chunks: chunks[:8].decode(),
)
def test_a_body_in_broken_chunks_is_the_mistake_of_the_client(system, chunks):
    head = b"POST /api/v1/alpha/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"

    answer = raw(system, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)

    assert answer.startswith("HTTP/1.1 400 Bad Request")
    assert '"code": "API_ERROR"' in answer


def test_a_service_is_not_asked_before_a_small_body_is_there(system):
    """Slow clients cost the gateway a little memory, and a service nothing."""
    address = urlsplit(system.status()["gateway"])
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        head = b"POST /api/v1/alpha/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        connection.sendall(head + b"Content-Length: 500000\r\n\r\n" + b"x" * 400_000)
        for _ in range(10):
            assert decoded(system.ask("/api/v1/alpha/"))["reading"] == 0
        connection.sendall(b"x" * 100_000)

        assert b'"received": 500000' in b"".join(iter(lambda: connection.recv(65_536), b""))


def test_a_body_below_the_limit_arrives(system):
    answer = decoded(system.ask("/api/v1/alpha/", "POST", body=b"x" * 1_000_000))

    assert answer["received"] == 1_000_000


def test_the_documentation_lists_every_service(system):
    script = system.ask("/docs/system.js").data.decode()

    assert system.ask("/docs/").status == 200
    assert "/docs/alpha/openapi.json" in script
    assert "/docs/beta/openapi.json" in script


@pytest.mark.parametrize("name", ["swagger-ui.css", "swagger-ui-bundle.js"])
def test_the_documentation_has_its_files(system, name):
    assert system.ask(f"/docs/swagger/{name}").status == 200


def test_the_document_of_a_service_is_behind_its_name(system):
    assert decoded(system.ask("/docs/beta/openapi.json"))["path"] == "/openapi.json"
    assert decoded(system.ask("/docs/beta/"))["path"] == "/docs/"


def test_the_documentation_leads_nowhere_else(system):
    assert raw(system, plain("/docs/swagger/../../../../etc/passwd")).startswith("HTTP/1.1 404")
    assert decoded(system.ask("/docs/beta/metrics"))["path"] == "/docs/metrics"


def test_the_access_log_has_no_query_string(system):
    system.ask("/api/v1/alpha/?token=very-secret")
    log = system.state / "logs" / "gateway.log"

    text = eventually(lambda: "?…" in log.read_text(encoding="utf-8") and log.read_text("utf-8"))

    assert "very-secret" not in text


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl", "…"),
        ("sk_live_51H8xqQ2eZvKYlo2C", "…"),
        ("github_pat_11ABCDEFG0abcdefghijkl", "…"),
        ("AKIAIOSFODNN7EXAMPLE", "…"),
        ("4539578763621486", "…"),
        ("4539%205787%206362%201486", "…"),
        ("jane.doe@example.com", "…@example.com"),
        ("jane.doe%40example.com", "…%40example.com"),
    ],
)
def test_the_access_log_has_no_path_that_looks_like_a_secret(system, secret, shown):
    system.ask(f"/api/v1/alpha/{secret}/things/7/?a=b")
    log = system.state / "logs" / "gateway.log"

    assert eventually(lambda: f'"/api/v1/alpha/{shown}/things/7/?…"' in log.read_text("utf-8"))
    assert secret not in log.read_text("utf-8")


@pytest.mark.parametrize(
    "path", ["/api/v1/alpha/1700000000000/", "/api/v1/alpha/0af7651916cd43dd8448eb211c80319c/"]
)
def test_the_access_log_has_other_paths_as_they_are(system, path):
    system.ask(path)
    log = system.state / "logs" / "gateway.log"

    assert eventually(lambda: f'"{path}"' in log.read_text("utf-8"))


@pytest.mark.parametrize(
    ("request_line", "host", "status"),
    [("GET /api/v1/alpha/", "", 400), (f"{'G' * 200} /api/v1/alpha/", "localhost", 405)],
    ids=["no host", "no method"],
)
def test_what_no_route_has_seen_has_a_number_too(system, request_line, host, status):
    head = f"{request_line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"

    answer = raw(system, head.encode())

    number = re.search(r'"correlation_id": "([0-9a-f]{32})"', answer)[1]
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert f"x-correlation-id: {number}" in answer.lower()
    log = system.state / "logs" / "gateway.log"
    assert eventually(lambda: f'"correlation_id":"{number}"' in log.read_text("utf-8"))


@pytest.mark.parametrize("header", ["X-Correlation-Id", "X-Forwarded-For"])
def test_a_client_cannot_have_a_header_of_the_gateway_dropped(system, header):
    asked = {"Connection": f"close, {header}", "X-Correlation-Id": "mine-7"}

    seen = decoded(system.ask("/api/v1/alpha/", headers=asked))["headers"]

    assert seen["HTTP_X_CORRELATION_ID"] == "mine-7"
    assert seen["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"


def test_a_file_of_the_documentation_is_whole_whatever_range_is_asked(system):
    answer = system.ask("/docs/system.js", headers={"Range": "bytes=9999999-"})

    assert answer.status == 200


def test_the_form_of_an_error_is_asked_for_in_any_case(system):
    answer = system.ask("/nosuch", headers={"Accept": "Application/Problem+JSON"})

    assert answer.headers["Content-Type"] == "application/problem+json"
