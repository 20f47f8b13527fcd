from __future__ import annotations

from functools import partial

import pytest
from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse

from quintet import context
from quintet.middleware.streams import follow

# The end of a response is the end of a request, and that looks at the connections.
pytestmark = pytest.mark.django_db


def test_the_end_of_a_stream_is_told_once():
    told = []
    response = StreamingHttpResponse(iter([b"one", b"two"]))
    follow(response, finished=lambda *end: told.append(end))

    list(response)
    response.close()

    assert told == [(6, None)]


def test_the_source_of_a_stream_is_closed_with_it():
    closed = []

    def source():
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.append(True)

    response = StreamingHttpResponse(source())
    follow(response)
    next(iter(response))
    response.close()

    assert closed == [True]


def test_the_source_of_a_stream_is_closed_in_the_context_it_ran_in():
    here, seen = context.new(), []

    def source():
        try:
            yield b"one"
        finally:
            seen.append(context.current())

    response = StreamingHttpResponse(source())
    follow(response, around=partial(context.running, here))
    next(iter(response))
    response.close()

    assert seen == [here]


def test_what_broke_a_stream_is_told():
    told, mistake = [], OSError("the source is gone")

    def source():
        yield b"one"
        raise mistake

    response = StreamingHttpResponse(source())
    follow(response, finished=lambda *end: told.append(end))
    with pytest.raises(OSError, match="gone"):
        list(response)

    assert told == [(3, mistake)]


def test_an_async_stream_that_is_closed_early_is_told_too():
    told = []

    async def source():
        yield b"one"
        yield b"two"

    async def read_half():
        response = StreamingHttpResponse(source())
        follow(response, finished=lambda *end: told.append(end))
        async for _ in response:
            break
        response.close()

    async_to_sync(read_half)()

    assert told == [(3, None)]
