from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from quintet.testing.api import Api
from quintet.views.functions import LIMIT
from tests.views.throttling import doors

pytestmark = pytest.mark.urls("tests.views.throttling.doors")

PATHS = ["/plain/", "/later/"]


@pytest.mark.parametrize("path", [*PATHS, "/decorated/"])
def test_a_function_is_limited(api, path):
    answers = [api.get(path) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer["RateLimit"] for answer in answers] == [
        '"plain";r=1;t=60', '"plain";r=0;t=60', '"plain";r=0;t=60',
    ]  # fmt: skip
    assert answers[2].json()["error"]["code"] == "RATE_LIMITED"
    assert answers[2]["Retry-After"] == "60"


@pytest.mark.parametrize("path", PATHS)
def test_a_function_is_limited_by_who_asks(api, path):
    john = api.as_user(7)
    for _ in range(2):
        assert john.get(path).json() == {"caller": "7"}

    assert john.get(path).status_code == 429
    assert api.get(path).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("asked", "status"), [("conflict", 409), ("gone", 410)])
def test_an_error_of_a_function_has_the_figures(api, path, asked, status):
    answer = api.get(f"{path}?{asked}")

    assert answer.status_code == status
    assert answer["RateLimit"] == '"plain";r=1;t=60'
    assert answer["RateLimit-Policy"] == '"plain";q=2;w=60'
    assert answer.json()["error"]["message"]


def test_an_async_function_is_limited_behind_an_async_server():
    client = AsyncClient()

    async def ask():
        return [(await client.get("/later/")).status_code for _ in range(3)]

    assert async_to_sync(ask)() == [200, 200, 429]


def test_what_a_function_is_limited_to_can_be_read():
    assert getattr(doors.plain, LIMIT) is doors.PLAIN
    assert doors.decorated.cls.rate_limit is doors.PLAIN


def test_the_default_limits_no_function(declare):
    declare(RATE_LIMIT="1/minute")

    assert [Api().get("/openapi.json").status_code for _ in range(3)] == [200] * 3
