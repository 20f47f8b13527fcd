from __future__ import annotations

import pytest

from quintet import auth, health
from quintet.errors import UnavailableException
from quintet.health import CheckResult, HealthChecker
from quintet.testing.identity import Identity

PROBES = ["/livez", "/readyz", "/health/"]
OUTSIDE = {"X-Forwarded-For": "203.0.113.9"}


class Away:
    """An issuer that gives nobody its keys."""

    def fetch(self, issuer):
        raise UnavailableException(f"{issuer} cannot be reached.")


def sick():
    return CheckResult(healthy=False, details={"error": "OperationalError"})


def well():
    return CheckResult(healthy=True)


@pytest.fixture
def checks(monkeypatch):
    """The checks of the service under test: none until a test adds one."""
    made = HealthChecker()
    monkeypatch.setattr("quintet.health.checker", lambda: made)
    return made


@pytest.mark.parametrize("url", PROBES)
def test_a_healthy_service_says_so_and_nothing_else_to_the_outside(client, checks, url):
    checks.add("database", well, hard=True)

    response = client.get(url, headers=OUTSIDE)

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("url", ["/readyz", "/health/"])
def test_a_sick_service_says_so_in_the_envelope_and_gives_no_reason(client, checks, url):
    checks.add("database", sick, hard=True)

    response = client.get(url, headers=OUTSIDE)

    assert response.status_code == 503
    assert set(response.json()) == {"status", "error"}
    assert response.json()["status"] == "unavailable"
    assert response.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert b"OperationalError" not in response.content


def test_a_sick_service_is_alive(client, checks):
    checks.add("database", sick, hard=True)

    assert client.get("/livez").status_code == 200


def test_a_service_is_ready_without_what_it_can_do_without(client, checks):
    checks.add("database", well, hard=True)
    checks.add("external_services", sick)

    assert client.get("/readyz").status_code == 200
    assert client.get("/health/").status_code == 503


def test_a_service_that_needs_nothing_is_ready(client, checks):
    assert client.get("/readyz").status_code == 200


def test_the_internal_side_sees_every_check(client, checks):
    checks.add("database", sick, hard=True)

    body = client.get("/health/").json()

    assert body.keys() >= {"healthy", "service", "version", "timestamp", "checks"}
    assert body["healthy"] is False
    assert body["checks"]["database"] == {"healthy": False, "error": "OperationalError"} | {
        "response_time_ms": body["checks"]["database"]["response_time_ms"]
    }


def test_the_holder_of_the_health_token_sees_every_check(client, checks, declare):
    declare(HEALTH_TOKEN="watchman")

    headers = OUTSIDE | {"Authorization": "Bearer watchman"}

    assert client.get("/health/", headers=headers).json()["checks"] == {}


@pytest.mark.parametrize(
    "authorization", ["Bearer wrong", "Bearer ", "Basic watchman", "Bearer \xe9"]
)
def test_a_wrong_health_token_is_no_error_and_shows_nothing(client, checks, declare, authorization):
    declare(HEALTH_TOKEN="watchman")

    response = client.get("/health/", headers=OUTSIDE | {"Authorization": authorization})

    assert response.json() == {"status": "ok"}


def test_a_token_of_an_issuer_that_is_away_is_no_error_and_shows_nothing(client, checks, declare):
    declare(HEALTH_TOKEN="watchman")
    header = {"Authorization": f"Bearer {Identity().service_token('orders')}"}

    with auth.use_key_source(Away()):
        response = client.get("/health/", headers=OUTSIDE | header)

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_an_empty_health_token_opens_nothing(client, checks, declare):
    declare(HEALTH_TOKEN="")

    assert client.get("/health/", headers=OUTSIDE | {"Authorization": "Bearer "}).json() == {
        "status": "ok"
    }


def test_another_service_sees_every_check(api, checks):
    assert "checks" in api.as_service("orders").get("/health/", headers=OUTSIDE).json()


def test_a_user_sees_none_even_one_of_the_staff(api, checks):
    assert api.as_staff().get("/health/", headers=OUTSIDE).json() == {"status": "ok"}


@pytest.mark.parametrize("url", PROBES)
def test_a_probe_is_only_asked(client, checks, url):
    assert client.post(url).status_code == 405
    assert client.head(url).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_service_with_its_database_is_ready(client):
    assert health.checker().ready()
    assert client.get("/readyz").status_code == 200
