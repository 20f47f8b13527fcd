"""One number follows a request through everything that it touches."""

from __future__ import annotations

import re
import uuid

import pytest
from system import until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CROSSED = {"gateway", "orders", "users", "products", "payments"}


def buying(shopper, product, headers):
    body = {"lines": [{"product_id": product, "quantity": 1}], "payment_method": "card-ok"}
    return shopper.ask("POST", "/api/v1/orders/", body, headers=headers)


def crossed(system, correlation_id):
    """Who logged the number; the last line may be written a moment after the answer."""
    until(lambda: set(system.lines(correlation_id)) >= CROSSED, seconds=5)
    return system.lines(correlation_id)


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex}"


def test_a_number_of_the_client_is_kept_everywhere(system, shopper, lamp):
    given = unique("journey")

    answer = buying(shopper, lamp, {"X-Correlation-ID": given})

    assert answer.correlation_id == given
    for name in CROSSED - {"gateway"}:
        assert {line["correlation_id"] for line in crossed(system, given)[name]} == {given}


def test_a_trace_is_the_number(system, shopper, lamp):
    trace = uuid.uuid4().hex
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "X-Correlation-ID": "other"}

    answer = buying(shopper, lamp, headers)

    assert answer.correlation_id == trace
    assert set(crossed(system, trace)) >= CROSSED


def test_without_any_a_number_is_made(system, shopper, lamp):
    answer = buying(shopper, lamp, {})

    assert re.fullmatch("[0-9a-f]{32}", answer.correlation_id)
    assert set(crossed(system, answer.correlation_id)) >= CROSSED


@pytest.mark.parametrize(
    "given", ["a b", "x" * 65, "é", "<script>", "a;b", '"', "../../etc"], ids=ascii
)
def test_a_number_that_is_none_is_replaced(gateway, given):
    answer = gateway.ask("GET", "/api/v1/products/", headers={"X-Correlation-ID": given})

    assert answer.status == 200
    assert re.fullmatch("[0-9a-f]{32}", answer.correlation_id)


@pytest.mark.parametrize(
    "trace",
    [
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7",
    ],
)
def test_a_trace_that_is_none_gives_way(gateway, trace):
    headers = {"traceparent": trace, "X-Correlation-ID": "mine"}

    answer = gateway.ask("GET", "/api/v1/products/", headers=headers)

    assert answer.correlation_id == "mine"


def test_an_error_carries_the_number_of_its_request(system, shopper, lamp):
    given = unique("refused")

    answer = shopper.ask(
        "POST",
        "/api/v1/orders/",
        {"lines": [{"product_id": lamp, "quantity": 6}], "payment_method": "card-ok"},
        headers={"X-Correlation-ID": given},
    )

    assert answer.error["correlation_id"] == answer.correlation_id == given
    until(lambda: {"orders", "users", "products"} <= set(system.lines(given)), seconds=5)


def test_an_error_of_the_gateway_carries_it_too(system, gateway):
    given = unique("nowhere")

    answer = gateway.ask("GET", "/nowhere", headers={"X-Correlation-ID": given})

    assert answer.error["correlation_id"] == answer.correlation_id == given
    until(lambda: "gateway" in system.lines(given), seconds=5)


def test_two_requests_never_share_a_number(gateway):
    numbers = {gateway.ask("GET", "/api/v1/products/").correlation_id for _ in range(20)}

    assert len(numbers) == 20
