from __future__ import annotations

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from quintet.views.throttling import RateLimit
from tests.views.throttling import doors


@pytest.fixture
def contract(declare):
    """The contract under a limit of the service."""

    def of(rate="600/minute"):
        declare(RATE_LIMIT=rate)
        generator = SchemaGenerator(patterns=doors.urlpatterns)
        made = generator.get_schema(request=None, public=True)
        validate_schema(made)
        return made

    return of


@pytest.fixture
def responses(contract):
    """What the contract says of the answers of one operation."""

    def of(route, method="get", *, rate="600/minute"):
        made = contract(rate)
        shared = made["components"]["responses"]
        return {
            status: shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
            for status, answer in made["paths"][route][method]["responses"].items()
        }

    return of


def test_the_limit_of_the_service_stands_at_every_answer(responses):
    for answer in responses("/open/").values():
        assert answer["headers"]["RateLimit-Policy"]["example"] == '"default";q=600;w=60'
        assert answer["headers"]["RateLimit"]["example"] == '"default";r=42;t=13'


def test_a_refusal_says_when_to_come_back(responses):
    answers = responses("/open/")

    assert [status for status in answers if "Retry-After" in answers[status]["headers"]] == ["429"]


def test_a_view_and_an_action_have_their_own(responses):
    login = responses("/login/")["200"]["headers"]["RateLimit-Policy"]
    writing = responses("/books/", "post")["429"]["headers"]["RateLimit-Policy"]

    assert login["example"] == '"login-minute";q=2;w=60, "login-day";q=100;w=86400'
    assert writing["example"] == '"writing";q=1;w=60'


def test_operations_under_one_limit_share_their_errors(contract):
    paths = contract()["paths"]

    shared = [paths[route]["get"]["responses"]["429"] for route in ("/login/", "/again/")]
    assert shared == [{"$ref": "#/components/responses/TooManyRequests.login"}] * 2


def test_errors_under_limits_of_one_name_are_not_mixed_up(responses, monkeypatch):
    """The naive version knows an error by its name alone."""
    monkeypatch.setattr(doors.Again, "rate_limit", RateLimit("login", "9/hour"))

    policies = [
        responses(route)["429"]["headers"]["RateLimit-Policy"]["example"]
        for route in ("/login/", "/again/")
    ]

    assert policies == ['"login-minute";q=2;w=60, "login-day";q=100;w=86400', '"login";q=9;w=3600']


def test_errors_under_other_limits_are_not_mixed_up(responses):
    """The naive version knows the error of a status by the status alone."""
    policies = {
        route: responses(route, method)["429"]["headers"]["RateLimit-Policy"]["example"]
        for route, method in (("/open/", "get"), ("/login/", "get"), ("/books/", "post"))
    }

    assert len(set(policies.values())) == 3


@pytest.mark.parametrize(("route", "rate"), [("/open/", ""), ("/free/", "600/minute")])
def test_what_is_not_limited_says_nothing_of_it(responses, route, rate):
    assert not any("headers" in answer for answer in responses(route, rate=rate).values())


def test_a_view_with_throttles_of_others_says_nothing_of_ours(responses, monkeypatch):
    monkeypatch.setattr(doors.Open, "throttle_classes", [])

    assert not any("headers" in answer for answer in responses("/open/").values())
