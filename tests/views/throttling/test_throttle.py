from __future__ import annotations

import re

import pytest

from quintet.telemetry import metrics
from quintet.testing.api import Api
from quintet.views.throttling.counting import counting
from quintet.views.throttling.judging import LIMITED

pytestmark = pytest.mark.urls("tests.views.throttling.doors")

ITEM = r'"[a-z0-9-]+"(;[a-z]=(0|[1-9][0-9]*)){2}'
FIELD = re.compile(rf"{ITEM}(, {ITEM})*")
PROBES = ("/livez", "/readyz", "/health/", "/metrics")


@pytest.fixture(params=["alone", "shared"])
def place(request, declare):
    """Where requests are counted; sets the limit of the service."""
    url = "" if request.param == "alone" else request.getfixturevalue("store")

    def limit(rate, **environ):
        declare(CACHE_URL=url, RATE_LIMIT=rate, **environ)

    return limit


@pytest.fixture
def strict(place):
    place("2/minute")


@pytest.fixture
def lost(declare):
    """A service whose store cannot be reached."""
    declare(CACHE_URL="redis://127.0.0.1:1/0", RATE_LIMIT="2/minute")


@pytest.fixture
def client():
    return Api(raise_request_exception=False)


def statuses(api, path, *, times, **asked):
    return [api.get(path, **asked).status_code for _ in range(times)]


def assert_figures(response, policy, standing):
    assert response["RateLimit-Policy"] == policy
    assert response["RateLimit"] == standing
    assert FIELD.fullmatch(response["RateLimit-Policy"])
    assert FIELD.fullmatch(response["RateLimit"])


def test_a_view_holds_the_limit_of_the_service(strict, api):
    assert statuses(api, "/open/", times=4) == [200, 200, 429, 429]


def test_all_views_of_a_service_share_it(strict, api):
    assert [api.get(path).status_code for path in ("/open/", "/failing/", "/open/")] == [
        200, 409, 429,
    ]  # fmt: skip


def test_no_limit_leaves_no_trace(place, api):
    place("")

    response = api.get("/open/")

    assert response.status_code == 200
    assert not {"RateLimit", "RateLimit-Policy"} & response.headers.keys()


def test_every_answer_says_how_the_caller_stands(strict, api):
    assert_figures(api.get("/open/"), '"default";q=2;w=60', '"default";r=1;t=60')
    assert_figures(api.get("/failing/"), '"default";q=2;w=60', '"default";r=0;t=60')


def test_a_refusal_is_in_the_envelope_and_says_when_to_come_back(strict, api):
    statuses(api, "/open/", times=2)

    response = api.get("/open/")

    error = response.json()["error"]
    assert_figures(response, '"default";q=2;w=60', '"default";r=0;t=60')
    assert (response.status_code, error["code"]) == (429, "RATE_LIMITED")
    assert error["message"] == "Too many requests: the limit is 2/minute."
    assert 0 < error["details"]["retry_after_seconds"] <= 60
    assert response["Retry-After"] == "60"


def test_a_refusal_is_a_problem_for_whoever_prefers_that(strict, api):
    statuses(api, "/open/", times=2)

    response = api.get("/open/", headers={"Accept": "application/problem+json"})

    assert (response.json()["status"], response.json()["code"]) == (429, "RATE_LIMITED")
    assert response["Retry-After"] == "60"


def test_an_error_that_nobody_expected_has_the_figures_too(strict, client):
    response = client.get("/broken/")

    assert response.status_code == 500
    assert_figures(response, '"default";q=2;w=60', '"default";r=1;t=60')


def test_a_view_has_limits_of_its_own_in_place_of_it(strict, api):
    assert_figures(
        api.get("/login/"),
        '"login-minute";q=2;w=60, "login-day";q=100;w=86400',
        '"login-minute";r=1;t=60, "login-day";r=99;t=86400',
    )
    assert statuses(api, "/login/", times=2) == [200, 429]
    assert statuses(api, "/open/", times=1) == [200]


def test_views_of_one_limit_share_it(strict, api):
    assert [api.get(path).status_code for path in ("/login/", "/again/", "/login/")] == [
        200, 200, 429,
    ]  # fmt: skip


def test_an_action_may_have_its_own(strict, api):
    assert [api.post("/books/", {}).status_code for _ in range(2)] == [201, 429]
    assert statuses(api, "/books/", times=3) == [200, 200, 429]


def test_a_view_may_be_unlimited(strict, api):
    assert statuses(api, "/free/", times=5) == [200] * 5


def test_a_view_with_throttles_of_others_is_left_to_them(strict, api):
    answers = [api.get("/elsewhere/") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [401] * 4
    assert "RateLimit" not in answers[0]


@pytest.mark.parametrize("path", PROBES)
def test_probes_are_never_limited(strict, api, path):
    answers = [api.get(path) for _ in range(5)]

    assert 429 not in {answer.status_code for answer in answers}
    assert not any("RateLimit" in answer for answer in answers)


def test_a_user_is_counted_wherever_it_asks_from(strict, api):
    john = api.as_user(7)
    answers = [
        john.get("/mine/", REMOTE_ADDR=f"192.0.2.{number}").status_code for number in range(3)
    ]

    assert answers == [200, 200, 429]
    assert statuses(api.as_user(8), "/mine/", times=1) == [200]
    assert statuses(api.as_service("7"), "/open/", times=1) == [200]


def test_a_forged_header_makes_nobody_somebody_else(strict, api):
    answers = [
        api.get("/open/", headers={"X-Forwarded-For": f"203.0.113.{number}"}).status_code
        for number in range(20)
    ]

    assert answers == [200] * 2 + [429] * 18


def test_what_a_trusted_proxy_says_is_believed_as_far_as_it_is_trusted(place, api):
    place("2/minute", TRUSTED_PROXIES="127.0.0.0/8")

    forwarded = [f"203.0.113.{number}, 192.0.2.1" for number in range(3)] + ["192.0.2.2"]

    assert [api.get("/open/", headers={"X-Forwarded-For": it}).status_code for it in forwarded] == [
        200, 200, 429, 200,
    ]  # fmt: skip


def test_all_addresses_of_a_household_are_one_caller(strict, api):
    answers = [
        api.get("/open/", REMOTE_ADDR=f"2001:db8::{number:x}").status_code for number in range(3)
    ]

    assert answers == [200, 200, 429]
    assert statuses(api, "/open/", times=1, REMOTE_ADDR="2001:db8:0:1::1") == [200]


def test_guessing_tokens_is_counted_by_address(strict, api):
    forged = {"headers": {"Authorization": "Bearer forged"}}

    assert statuses(api, "/mine/", times=3, **forged) == [401, 401, 429]
    assert statuses(api.as_user(7), "/mine/", times=1) == [200]


def test_who_may_not_do_it_is_counted_by_name(strict, api):
    answers = [api.as_user(7).get("/theirs/") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [403, 403, 429]
    assert_figures(answers[1], '"default";q=2;w=60', '"default";r=0;t=60')
    assert statuses(api, "/theirs/", times=1) == [401]


def test_refusals_are_counted_by_policy(place, api):
    place("1/minute")
    before = {name: LIMITED.child(name)._value.get() for name in ("default", "login-minute")}

    statuses(api, "/open/", times=3)
    statuses(api, "/login/", times=3)

    after = {name: LIMITED.child(name)._value.get() for name in before}
    assert after == {"default": before["default"] + 2, "login-minute": before["login-minute"] + 1}


def test_nothing_is_counted_with_metrics_off(place, api):
    place("1/minute")
    metrics.Using.recorder = metrics.NullRecorder()
    before = LIMITED.child("default")._value.get()

    statuses(api, "/open/", times=3)

    assert LIMITED.child("default")._value.get() == before


def test_without_the_store_a_process_holds_the_limit_alone(lost, api):
    assert statuses(api, "/open/", times=4) == [200, 200, 429, 429]


def test_who_fails_closed_is_unavailable_without_the_store(lost, api):
    response = api.get("/closed/")

    assert (response.status_code, response["Retry-After"]) == (503, "1")
    assert response["RateLimit-Policy"] == '"closed";q=2;w=60'
    assert "RateLimit" not in response


def test_who_fails_closed_is_counted_where_there_was_no_store_to_lose(declare, api):
    declare(CACHE_URL="")

    assert statuses(api, "/closed/", times=3) == [200, 200, 429]


def test_a_store_that_dies_and_comes_back_costs_no_request(declare, api, server):
    declare(CACHE_URL=server.url(), RATE_LIMIT="1000/minute")
    left = [_left(api)]
    server.stop()
    left += [_left(api) for _ in range(20)]
    server.start()
    counting()._outage._next_try = 0  # its time has come
    left += [_left(api) for _ in range(5)]

    assert left == [999, *range(999, 979, -1), *range(999, 994, -1)]


def _left(api):
    response = api.get("/open/")
    assert response.status_code == 200
    return int(response["RateLimit"].partition("r=")[2].partition(";")[0])
