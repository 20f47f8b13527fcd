from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse

from quintet import conf
from quintet.database import tally
from quintet.database.tally import MOST_REPEATED
from quintet.middleware.queries import QueriesMiddleware
from tests.middleware import clocks

pytestmark = [pytest.mark.urls("tests.middleware.asking"), pytest.mark.django_db]


def lines(logs, message):
    return [line for line in logs if line["message"] == message]


def test_the_access_line_says_how_much_was_asked(client, captured_logs):
    client.get("/asks/3/")

    (line,) = lines(captured_logs, "request")
    assert line["queries"] == 3
    assert 0 <= line["query_ms"] <= line["duration_ms"]


def test_the_access_line_says_nothing_where_nothing_was_asked(client, captured_logs):
    client.get("/asks/0/")

    (line,) = lines(captured_logs, "request")
    assert "queries" not in line


@pytest.mark.parametrize("url", ["/asks/{}/", "/streams/{}/"])
def test_a_query_per_row_is_warned_of(client, captured_logs, url):
    b"".join(client.get(url.format(20)))

    (line,) = lines(captured_logs, "repeated statement")
    assert line["times"] == 20
    assert line["sql"].startswith("SELECT")
    assert line["route"] == url.format("<int:times>")
    assert "asking:" in line["place"]
    assert line["correlation_id"]


def test_a_few_queries_are_not_warned_of(client, captured_logs):
    client.get(f"/asks/{MOST_REPEATED}/")

    assert lines(captured_logs, "repeated statement") == []


def test_an_async_server_counts_as_well(rf):
    async def ask(request):
        tally.current().add("SELECT 1", 0.0)
        return HttpResponse()

    request = rf.get("/")
    async_to_sync(QueriesMiddleware(ask))(request)

    assert request.queries.count == 1
    assert tally.current() is None


def test_nothing_is_counted_after_a_request(client):
    client.get("/asks/3/")
    with pytest.raises(KeyboardInterrupt):
        client.get("/leaving/")

    assert tally.current() is None


def test_in_production_queries_are_counted_and_not_compared(settings, rf):
    changed = {"SERVICE_ENVIRONMENT": "staging"}
    settings.QUINTET = type(settings.QUINTET).load(environ=clocks.environment() | changed)

    def ask(request):
        for _ in range(20):
            tally.current().add("SELECT 1", 0.0)
        return HttpResponse()

    request = rf.get("/")
    QueriesMiddleware(ask)(request)

    assert request.queries.count == 20
    assert request.queries.repeated() == []


def test_without_a_database_the_middleware_is_not_there(monkeypatch):
    monkeypatch.setattr(conf, "of_django", lambda _, default: default)

    with pytest.raises(MiddlewareNotUsed):
        QueriesMiddleware(lambda _: HttpResponse())
