from __future__ import annotations

import pytest
from django.urls import include, path
from rest_framework.views import APIView

from quintet.checks.limits import limits_can_be_counted
from quintet.views.functions import limited
from quintet.views.throttling import RateLimit
from tests.checks.findings import ids


def routed(monkeypatch, *views):
    """Puts views at /0, /1 and so on, for the check of limits."""
    patterns = [path(str(number), view) for number, view in enumerate(views)]
    monkeypatch.setattr("quintet.checks.limits.get_resolver", lambda: include(patterns))
    monkeypatch.setattr(
        "quintet.checks.limits.routes_of",
        lambda _: [(f"/{number}", view) for number, view in enumerate(views)],
    )


def limited_view(limit):
    return type("Limited", (APIView,), {"rate_limit": limit}).as_view()


@pytest.mark.parametrize(
    "limit",
    [
        "5/minute",
        ("5/minute",),
        RateLimit("login", setting="NOBODY_DECLARED_IT"),
        RateLimit("login", setting="SERVICE_NAME"),
        {"create": RateLimit("login", "5/minute"), "list": RateLimit("login", setting="NO")},
    ],
)
def test_a_limit_that_cannot_be_counted_is_found(monkeypatch, limit):
    routed(monkeypatch, limited_view(limit))

    (finding,) = limits_can_be_counted()

    assert finding.id == "quintet.E020"
    assert finding.msg.startswith("The rate limit at /0 cannot be counted: ")


def test_limits_that_can_be_counted_are_fine(monkeypatch):
    by_function = limited(RateLimit("login", "5/minute"))(lambda _: None)
    by_action = limited_view({"create": RateLimit("login", setting="RATE_LIMIT")})
    routed(monkeypatch, by_function, by_action, APIView.as_view())

    assert limits_can_be_counted() == []


@pytest.mark.parametrize("limit", ["RATE_LIMIT", "a view", "a function", "nothing"])
@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"WEB_WORKERS": "2"}, ["quintet.W010"]),
        ({"WEB_WORKERS": "2", "CACHE_URL": "locmemcache://"}, ["quintet.W010"]),
        ({"WEB_WORKERS": "2", "CACHE_URL": "redis://cache"}, []),
        ({"WEB_WORKERS": "1"}, []),
        ({"WEB_WORKERS": "2", "SERVICE_ENVIRONMENT": "test"}, []),
    ],
)
def test_workers_that_count_for_themselves_are_found(monkeypatch, declare, environ, found, limit):
    own = RateLimit("login", "5/minute")
    view = limited_view(own) if limit == "a view" else APIView.as_view()
    routed(monkeypatch, limited(own)(lambda _: None) if limit == "a function" else view)
    rate = {"RATE_LIMIT": "5/minute"} if limit == "RATE_LIMIT" else {}

    declare(
        **{"SERVICE_ENVIRONMENT": "production", "ALLOWED_HOSTS": "shop.example", **rate, **environ}
    )

    assert ids(limits_can_be_counted()) == (found if limit != "nothing" else [])


def test_a_store_without_its_library_is_found(monkeypatch, declare):
    def missing():
        raise ImportError("No module named 'limits'")

    monkeypatch.setattr("quintet.checks.limits.counting", missing)
    routed(monkeypatch, limited_view(RateLimit("login", "5/minute")))
    declare(CACHE_URL="redis://cache")

    (finding,) = limits_can_be_counted()

    assert (finding.id, finding.hint) == ("quintet.E021", "Install quintet[redis].")
