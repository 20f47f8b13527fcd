from __future__ import annotations

import asyncio

import pytest
from django.core.handlers.exception import convert_exception_to_response
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


class Named(TwoDoors):
    """Says its name at every hook."""

    said: list[str] = []
    name = "?"

    def enter(self, request):
        self.said.append(f"+{self.name}")
        return self.name

    def leave(self, request, response, *, state):
        self.said.append(f"-{state}")
        return response

    def abandon(self, request, state):
        self.said.append(f"x{state}")


class A(Named):
    name = "A"


class B(Named):
    name = "B"


class Broken(Named):
    name = "broken"

    def enter(self, request):
        raise RuntimeError("a mistake on the way in")


class BrokenLater(Named):
    name = "later"

    def leave(self, request, response, *, state):
        raise RuntimeError("a mistake on the way out")


@pytest.fixture
def said():
    Named.said = []
    return Named.said


def nested(*classes, view):
    """As Django builds it: each inside the guard of the one before."""
    handler = convert_exception_to_response(view)
    for cls in reversed(classes):
        handler = convert_exception_to_response(cls(handler))
    return handler


def test_neighbours_are_joined_and_keep_their_order(request_, said):
    handler = nested(A, B, view=lambda _: HttpResponse())

    assert handler(request_).status_code == 200
    assert said == ["+A", "+B", "-B", "-A"]
    assert [type(one) for one in handler.__wrapped__.joined] == [A, B]


def test_neighbours_are_joined_at_the_async_door_too(request_, said):
    handler = nested(A, B, view=answer_later)

    assert asyncio.run(handler(request_)).status_code == 200
    assert said == ["+A", "+B", "-B", "-A"]


def test_a_stranger_between_two_neighbours_stays_between_them(request_, said):
    def stranger(get_response):
        def pass_on(request):
            said.append("+stranger")
            response = get_response(request)
            said.append("-stranger")
            return response

        return pass_on

    handler = nested(A, stranger, B, view=lambda _: HttpResponse())

    handler(request_)
    assert said == ["+A", "+stranger", "+B", "-B", "-stranger", "-A"]


def test_a_refusal_leaves_by_those_who_had_let_the_request_in(request_, said):
    handler = nested(A, Refusing, B, view=interrupt)

    assert handler(request_).status_code == 403
    assert said == ["+A", "-A"]


@pytest.mark.parametrize(
    ("inner", "left"), [(Broken, ["+A", "-A"]), (BrokenLater, ["+A", "+later", "-A"])]
)
def test_a_mistake_in_one_becomes_an_answer_for_the_others(request_, said, settings, inner, left):
    settings.DEBUG_PROPAGATE_EXCEPTIONS = False
    handler = nested(A, inner, view=lambda _: HttpResponse())

    assert handler(request_).status_code == 500
    assert said == left


def test_an_interruption_is_told_to_everybody_from_the_inside_out(request_, said):
    handler = nested(A, B, view=interrupt)

    with pytest.raises(KeyboardInterrupt):
        handler(request_)
    assert said == ["+A", "+B", "xB", "xA"]
