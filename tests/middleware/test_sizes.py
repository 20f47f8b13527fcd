from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from quintet.telemetry import metrics
from tests.project.settings import ProjectSettings

pytestmark = [pytest.mark.urls("tests.middleware.rooms"), pytest.mark.django_db]

LIMIT = 9_999


@pytest.fixture(autouse=True)
def bounded(settings):
    environ = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY": "k", "MAX_RESPONSE_BYTES": str(LIMIT)}
    settings.QUINTET = ProjectSettings.load(environ=environ)


@pytest.fixture
def reports(captured_logs):
    return lambda: [line for line in captured_logs if line["logger"] == "quintet.sizes"]


def counted(route):
    return REGISTRY.get_sample_value("http_response_oversize_total", {"endpoint": route}) or 0


@pytest.mark.parametrize(("path", "size"), [("/file/", 10_000), ("/whole/10000/", 10_000)])
def test_an_answer_above_the_limit_is_sent_and_reported(client, reports, path, size):
    before = counted(path.replace("10000", "<int:size>"))

    response = client.get(path)
    body = b"".join(response) if response.streaming else response.content
    response.close()

    (line,) = reports()
    assert (len(body), line["level"], line["message"]) == (size, "WARNING", "answer too large")
    assert (line["bytes"], line["limit_bytes"]) == (size, LIMIT)
    assert line["correlation_id"] == response.headers["X-Correlation-ID"]
    assert counted(line["route"]) == before + 1


@pytest.mark.parametrize("path", ["/stream/", "/whole/9999/"])
def test_an_answer_within_the_limit_is_nothing_to_speak_of(client, reports, path):
    response = client.get(path)
    b"".join(response)
    response.close()

    assert reports() == []


def test_an_answer_is_reported_without_metrics_too(client, reports, monkeypatch):
    monkeypatch.setattr(metrics.Using, "recorder", metrics.NullRecorder())
    before = counted("/whole/<int:size>/")

    client.get("/whole/10000/")

    assert len(reports()) == 1
    assert counted("/whole/<int:size>/") == before
