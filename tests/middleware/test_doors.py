from __future__ import annotations

import asyncio

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.module_loading import import_string

from quintet.middleware import DEFAULT
from quintet.middleware.doors import TwoDoors


class Noting(TwoDoors):
    def __init__(self, get_response):
        super().__init__(get_response)
        self.noted = []

    def enter(self, request):
        self.noted.append("enter")
        return "state"

    def leave(self, request, response, *, state):
        self.noted.append(f"leave with {state}")
        return response

    def abandon(self, request, state):
        self.noted.append(f"abandon with {state}")


class Refusing(Noting):
    def refuse(self, request):
        return HttpResponse(status=403)


async def answer_later(request):
    return HttpResponse()


async def cancel(request):
    raise asyncio.CancelledError


def interrupt(request):
    raise KeyboardInterrupt


@pytest.fixture
def request_():
    return RequestFactory().get("/")


def test_a_request_enters_and_leaves(request_):
    middleware = Noting(lambda _: HttpResponse())

    assert middleware(request_).status_code == 200
    assert middleware.noted == ["enter", "leave with state"]


def test_a_request_enters_and_leaves_by_the_async_door(request_):
    middleware = Noting(answer_later)

    assert asyncio.run(middleware(request_)).status_code == 200
    assert middleware.noted == ["enter", "leave with state"]


@pytest.mark.parametrize("inner", [interrupt, answer_later])
def test_a_refused_request_gets_no_further(request_, inner):
    middleware = Refusing(inner)
    response = middleware(request_)
    if middleware.is_async:
        response = asyncio.run(response)

    assert response.status_code == 403
    assert middleware.noted == []


def test_an_interrupted_request_is_abandoned(request_):
    middleware = Noting(interrupt)

    with pytest.raises(KeyboardInterrupt):
        middleware(request_)
    assert middleware.noted == ["enter", "abandon with state"]


def test_a_cancelled_request_is_abandoned(request_):
    middleware = Noting(cancel)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(middleware(request_))
    assert middleware.noted == ["enter", "abandon with state"]


def test_a_middleware_without_hooks_lets_everything_pass(request_):
    middleware = TwoDoors(lambda _: HttpResponse(status=204))

    assert middleware(request_).status_code == 204
    with pytest.raises(KeyboardInterrupt):
        TwoDoors(interrupt)(request_)


@pytest.mark.parametrize("name", DEFAULT)
def test_every_middleware_of_the_default_order_serves_both_doors(name):
    middleware = import_string(name)

    assert middleware.sync_capable
    assert middleware.async_capable
