"""Every error that can be met through the gateway, in both of its shapes."""

from __future__ import annotations

from contextlib import contextmanager

import psycopg
import pytest
from gateway import PROBLEM
from shapes import SHAPES, assert_envelope, assert_nothing_inside

ORDERS = "/api/v1/orders/"
TOO_MUCH = b'{"a": "' + b"x" * (10 * 1024 * 1024) + b'"}'

STATUSES = {
    "SERVICE_ERROR": (400, "SERVICE_ERROR"),
    "VALIDATION_ERROR": (400, "VALIDATION_ERROR"),
    "BUSINESS_LOGIC_ERROR": (422, "BUSINESS_LOGIC_ERROR"),
    "EXTERNAL_SERVICE_ERROR": (502, "EXTERNAL_SERVICE_ERROR"),
    "AUTHENTICATION_ERROR": (401, "AUTHENTICATION_ERROR"),
    "PERMISSION_ERROR": (403, "PERMISSION_ERROR"),
    "NOT_FOUND": (404, "NOT_FOUND"),
    "METHOD_NOT_ALLOWED": (405, "METHOD_NOT_ALLOWED"),
    "CONFLICT": (409, "CONFLICT"),
    "PAYLOAD_TOO_LARGE": (413, "PAYLOAD_TOO_LARGE"),
    "RATE_LIMITED": (429, "RATE_LIMITED"),
    "INTERNAL_ERROR": (500, "INTERNAL_ERROR"),
    "SERVICE_UNAVAILABLE": (503, "SERVICE_UNAVAILABLE"),
    "DEADLINE_EXCEEDED": (504, "DEADLINE_EXCEEDED"),
    "django-bad-request": (400, "VALIDATION_ERROR"),
    "django-permission": (403, "PERMISSION_ERROR"),
    "django-too-big": (413, "PAYLOAD_TOO_LARGE"),
    "framework-throttled": (429, "RATE_LIMITED"),
    "bug": (500, "INTERNAL_ERROR"),
}


@pytest.fixture(params=SHAPES)
def shape(request):
    return SHAPES[request.param]


def malformed(shopper, accept):
    return shopper.ask("POST", ORDERS, b"{", headers=accept)


def invalid(shopper, accept):
    return shopper.ask("POST", ORDERS, {"lines": []}, headers=accept)


def unknown_field(shopper, accept):
    return shopper.ask("POST", ORDERS, {"price": 0}, headers=accept)


def nobody(shopper, accept):
    return shopper.gateway.ask("GET", ORDERS, headers=accept)


def forged(shopper, accept):
    return shopper.gateway.ask("GET", ORDERS, token=shopper.token[:-4] + "AAAA", headers=accept)


def forbidden(shopper, accept):
    return shopper.ask("POST", "/api/v1/products/", {}, headers=accept)


def unknown_address(shopper, accept):
    return shopper.ask("GET", "/nowhere", headers=accept)


def unknown_address_of_a_service(shopper, accept):
    return shopper.ask("GET", "/api/v1/orders/1/2/3/", headers=accept)


def unknown_order(shopper, accept):
    return shopper.ask("GET", f"{ORDERS}999999999/", headers=accept)


def wrong_method(shopper, accept):
    return shopper.ask("DELETE", "/api/v1/products/", headers=accept)


def too_large(shopper, accept):
    return shopper.ask("POST", ORDERS, TOO_MUCH, headers=accept)


def wrong_media_type(shopper, accept):
    return shopper.ask("POST", ORDERS, b"a=b", headers={**accept, "Content-Type": "text/plain"})


def wrong_host(shopper, accept):
    return shopper.ask("GET", ORDERS, headers={**accept, "Host": "evil.example"})


def unknown_filter(shopper, accept):
    return shopper.ask("GET", f"{ORDERS}?colour=red", headers=accept)


def unknown_page(shopper, accept):
    return shopper.ask("GET", f"{ORDERS}?page=7", headers=accept)


CASES = {
    malformed: (400, "VALIDATION_ERROR", "orders"),
    invalid: (400, "VALIDATION_ERROR", "orders"),
    unknown_field: (400, "VALIDATION_ERROR", "orders"),
    unknown_filter: (400, "VALIDATION_ERROR", "orders"),
    wrong_host: (400, "VALIDATION_ERROR", "orders"),
    nobody: (401, "AUTHENTICATION_ERROR", "orders"),
    forged: (401, "AUTHENTICATION_ERROR", "orders"),
    forbidden: (403, "PERMISSION_ERROR", "products"),
    unknown_address: (404, "NOT_FOUND", "gateway"),
    unknown_address_of_a_service: (404, "NOT_FOUND", "orders"),
    unknown_order: (404, "NOT_FOUND", "orders"),
    unknown_page: (404, "NOT_FOUND", "orders"),
    wrong_method: (405, "METHOD_NOT_ALLOWED", "products"),
    too_large: (413, "PAYLOAD_TOO_LARGE", "orders"),
    wrong_media_type: (415, "API_ERROR", "orders"),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_refused_request_has_the_shape_that_was_asked_for(shopper, shape, case):
    accept, assert_shape = shape

    assert_shape(case(shopper, {"Accept": accept}), *CASES[case])


def test_a_missing_token_says_how_to_log_in(gateway):
    assert gateway.ask("GET", ORDERS).headers["www-authenticate"] == "Bearer"


def test_a_wrong_method_says_which_ones_are_right(gateway):
    allowed = gateway.ask("DELETE", "/api/v1/products/").headers["allow"]

    assert {"GET", "POST"} <= set(allowed.split(", "))


def test_a_media_type_that_nobody_makes_is_not_acceptable(shopper):
    answer = shopper.ask("GET", ORDERS, headers={"Accept": "text/csv"})

    assert_envelope(answer, 406, "API_ERROR", "orders")


def test_a_conflict(shopper, operator, lamp, shape):
    accept, assert_shape = shape
    failed = shopper.order(lamp, 6).error["details"]["order_id"]

    answer = shopper.ask("POST", f"{ORDERS}{failed}/cancel/", headers={"Accept": accept})

    assert_shape(answer, 409, "CONFLICT", "orders")


def test_a_broken_rule(shopper, lamp, shape):
    accept, assert_shape = shape
    wanted = {"lines": [{"product_id": lamp, "quantity": 6}], "payment_method": "card-ok"}

    answer = shopper.ask("POST", ORDERS, wanted, headers={"Accept": accept})

    assert_shape(answer, 422, "BUSINESS_LOGIC_ERROR", "orders")


def test_a_chunked_body_is_measured_too(shopper):
    pieces = (TOO_MUCH[start : start + 65536] for start in range(0, len(TOO_MUCH), 65536))

    answer = shopper.ask("POST", ORDERS, pieces)

    assert_envelope(answer, 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    "line",
    ["GET / HTTP/9.9", "G@T / HTTP/1.1", "GET /%zz HTTP/1.1"],
    ids=["version", "verb", "path"],
)
def test_a_request_that_is_no_http_is_refused(gateway, line):
    answer = gateway.raw(f"{line}\nHost: localhost\nConnection: close")

    assert answer.status in {400, 404, 405, 505}
    assert_nothing_inside(answer)


@contextmanager
def broken_table(system):
    """Take the table of the orders away, so that the service meets what nobody expected."""
    url = system.environment_of("orders")["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("ALTER TABLE orders_order RENAME TO orders_elsewhere")
        try:
            yield
        finally:
            database.execute("ALTER TABLE orders_elsewhere RENAME TO orders_order")


def test_a_mistake_of_a_service_tells_nothing_but_its_number(system, shopper, shape):
    accept, assert_shape = shape

    with broken_table(system):
        answer = shopper.ask("GET", ORDERS, headers={"Accept": accept})

    assert_shape(answer, 500, "INTERNAL_ERROR", "orders")
    logged = system.lines(answer.correlation_id)["orders"]
    assert any("orders_order" in line.get("exception", "") for line in logged)


@pytest.mark.parametrize("code", STATUSES)
def test_every_class_of_the_tree_reaches_the_customer(small, shape, code):
    accept, assert_shape = shape
    status, said = STATUSES[code]

    answer = small.gateway().ask("GET", f"/api/v1/errors/{code}/", headers={"Accept": accept})

    assert_shape(answer, status, said, "stage")


@pytest.mark.parametrize("code", ["RATE_LIMITED", "SERVICE_UNAVAILABLE", "framework-throttled"])
def test_an_error_that_passes_says_when_to_come_back(small, code):
    answer = small.gateway().ask("GET", f"/api/v1/errors/{code}/")

    assert int(answer.headers["retry-after"]) == 3


def test_a_success_is_not_a_problem_for_who_wants_problems(shopper):
    answer = shopper.ask("GET", ORDERS, headers={"Accept": PROBLEM})

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
