from __future__ import annotations

import pytest

from quintet.errors import UnavailableException
from quintet.views import metrics as view

OUTSIDE = {"X-Forwarded-For": "203.0.113.9"}


def test_the_internal_side_reads_the_metrics(client):
    response = client.get("/metrics")

    assert response.status_code == 200
    assert b"# TYPE http_requests_total counter" in response.content
    assert response["Content-Type"].startswith("text/plain")


def test_a_scraper_may_ask_for_open_metrics(client):
    response = client.get("/metrics", headers={"Accept": "application/openmetrics-text"})

    assert response["Content-Type"].startswith("application/openmetrics-text")
    assert response.content.endswith(b"# EOF\n")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_the_outside_reads_no_metrics(client, headers):
    response = client.get("/metrics", headers=OUTSIDE | headers)

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "AUTHENTICATION_ERROR"
    assert b"http_requests_total" not in response.content


def test_the_holder_of_the_health_token_reads_the_metrics(client, declare):
    declare(HEALTH_TOKEN="watchman")

    response = client.get("/metrics", headers=OUTSIDE | {"Authorization": "Bearer watchman"})

    assert response.status_code == 200


def test_another_service_reads_the_metrics(api):
    assert api.as_service("orders").get("/metrics", headers=OUTSIDE).status_code == 200


def test_metrics_that_cannot_be_read_now_are_a_503_in_the_envelope(client, monkeypatch):
    def moved(_accept):
        raise UnavailableException("The metrics are being moved; ask again.")

    monkeypatch.setattr(view, "exposition", moved)

    response = client.get("/metrics")

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
