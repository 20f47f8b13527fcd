from __future__ import annotations

from io import BytesIO

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from quintet.auth import Public
from quintet.middleware import flights
from quintet.middleware.wsgi import bounded
from quintet.views.functions import declares

ENVIRON = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/stream",
    "SERVER_NAME": "testserver",
    "SERVER_PORT": "80",
    "wsgi.url_scheme": "http",
}


@declares(Public)
def stream(request):
    return StreamingHttpResponse([b"half"])


urlpatterns = [path("stream", stream)]


class Replacing:
    """Somebody else's middleware, which gives a stream up for an answer of its own."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        self.get_response(request)
        return HttpResponse("instead")


@pytest.fixture
def application(settings):
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = ["quintet.middleware.flights.FlightsMiddleware"]
    return lambda: bounded(WSGIHandler())


@pytest.fixture
def flying():
    """What this test has put in flight; others may have left streams that nobody reads."""
    before = len(flights.in_flight())
    return lambda: len(flights.in_flight()) - before


def asked():
    return {**ENVIRON, "wsgi.input": BytesIO()}


def refuse(status, headers):
    raise ValueError("a control character in a header")


def test_a_stream_that_the_server_refuses_is_closed(application, flying):
    with pytest.raises(ValueError, match="control character"):
        application()(asked(), refuse)

    assert flying() == 0


def test_a_stream_that_somebody_replaces_is_closed(application, settings, flying):
    settings.MIDDLEWARE = [f"{__name__}.Replacing", *settings.MIDDLEWARE]

    answer = application()(asked(), lambda *_: None)

    assert b"".join(answer) == b"instead"
    assert flying() == 0


def test_a_stream_that_the_server_takes_is_left_open(application, flying):
    answer = application()(asked(), lambda *_: None)

    assert flying() == 1
    assert b"".join(answer) == b"half"
    answer.close()
    assert flying() == 0
