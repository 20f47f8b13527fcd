"""The inside cannot be reached, and what a client says about itself is not believed."""

from __future__ import annotations

import pytest
from gateway import Gateway
from shapes import assert_envelope
from system import until

RESERVATIONS = "/internal/v1/reservations/"
PATHS = [
    "/metrics",
    "/livez",
    "/loggers",
    "/profile",
    "/readyz",
    "/health",
    "/health/",
    "/internal/",
    RESERVATIONS,
    "/internal/v1/payments/order-1/capture/",
    "/Internal/v1/payments/",
    "/INTERNAL/v1/payments/",
    "/%69nternal/v1/reservations/",
    "/internal%2Fv1%2Freservations/",
    "//internal/v1/reservations/",
    "/./internal/v1/reservations/",
    "/api/../internal/v1/reservations/",
    "/api/v1/products/../../../internal/v1/reservations/",
    "/api/v1/products/..%2f..%2f..%2finternal/v1/reservations/",
    "/api/v1/products/%2e%2e/%2e%2e/%2e%2e/internal/v1/reservations/",
    "/api/v1/products/..%5c..%5c..%5cinternal/v1/reservations/",
    "/api/v1/products//../../../internal/v1/reservations/",
    "/api/v1/products/..;/..;/..;/internal/v1/reservations/",
    "/api/v1/products/%252e%252e/%252e%252e/internal/v1/reservations/",
    "/api/v1/products/../../../metrics",
    "/api/v1/products/..%2f..%2f..%2fmetrics",
    "/api/v1/products/../../../health/",
    "/docs/products/../../metrics",
    "/docs/products/..%2fmetrics",
    "/docs/products/..%2f..%2finternal/v1/reservations/",
    "/docs/products/../internal/v1/reservations/",
    "/metrics/",
    "/metrics?x=/api/v1/products",
    "/metrics%00",
    "/metrics%20",
    "/METRICS",
    "/api/v1/validate/",
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", PATHS)
def test_the_inside_cannot_be_reached(gateway, shopper, method, path):
    answer = shopper.gateway.raw(
        f"{method} {path} HTTP/1.1\nHost: localhost\nConnection: close\n"
        f"Accept: application/json\nAuthorization: Bearer {shopper.token}\nContent-Length: 0"
    )

    assert answer.status in {400, 404, 405}, answer.body
    assert b"http_requests_total" not in answer.body
    assert b"checks" not in answer.body


@pytest.mark.parametrize("service", ["products", "payments"])
def test_a_user_may_not_even_knock_from_inside(system, shopper, service):
    """The gateway is not the only lock: a user's token opens nothing behind it."""
    port = system.unit(service)["port"]
    path = RESERVATIONS if service == "products" else "/internal/v1/payments/"

    answer = Gateway(lambda: f"http://127.0.0.1:{port}").ask("POST", path, {}, token=shopper.token)

    assert_envelope(answer, 403, "PERMISSION_ERROR", service)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "6.6.6.6"},
        {"X-Forwarded-For": "6.6.6.6, 127.0.0.1"},
        {"X_Forwarded_For": "6.6.6.6"},
        {"X-Real-IP": "6.6.6.6"},
        {"Forwarded": "for=6.6.6.6"},
        {"x-forwarded-for": "6.6.6.6"},
    ],
    ids=str,
)
def test_a_client_cannot_choose_its_address(system, gateway, headers):
    answer = gateway.ask("GET", "/api/v1/products/", headers=headers)

    line = access_line(system, "products", answer.correlation_id)
    assert line["client_ip"] == "127.0.0.1"
    assert "6.6.6.6" not in str(system.lines(answer.correlation_id))


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Correlation_ID": "smuggled"},
        {"X-Correlation_ID": "smuggled"},
        {"x_correlation_id": "smuggled"},
    ],
    ids=str,
)
def test_an_underscore_is_no_hyphen(system, gateway, headers):
    answer = gateway.ask("GET", "/api/v1/products/", headers=headers)

    assert answer.correlation_id != "smuggled"
    access_line(system, "products", answer.correlation_id)
    assert system.lines("smuggled") == {}


@pytest.mark.parametrize("name", ["X-User-Id", "X_User_Id", "X-Internal-Token", "X-User-Roles"])
def test_an_identity_in_a_header_is_none(gateway, name):
    assert gateway.ask("GET", "/api/v1/orders/", headers={name: "1"}).status == 401


def test_the_health_of_a_service_is_told_to_the_inside_only(system):
    port = system.unit("orders")["port"]
    inside = Gateway(lambda: f"http://127.0.0.1:{port}")

    assert inside.ask("GET", "/health/").json["checks"]["database"]
    assert set(inside.ask("GET", "/health/", headers={"X-Forwarded-For": "1.2.3.4"}).json) == {
        "status"
    }


def test_neither_token_nor_password_is_logged(system, shopper, lamp):
    shopper.order(lamp)

    for file in (system.state / "logs").glob("*.log"):
        text = file.read_text(errors="replace")
        assert shopper.token not in text
        assert "correct horse battery staple" not in text


def access_line(system, service, correlation_id):
    """What a service logged about a request; written a moment after the answer."""

    def line():
        lines = system.lines(correlation_id).get(service, [])
        return next((line for line in lines if "client_ip" in line), None)

    return until(line, seconds=5)
