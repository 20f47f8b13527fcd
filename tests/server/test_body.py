from __future__ import annotations

from io import BytesIO

import pytest
from gunicorn.http.errors import ChunkMissingTerminator

from quintet.lifecycle import phase
from quintet.server.body import Body, MalformedBody, translating


class Broken(BytesIO):
    """A body whose second chunk is malformed."""

    def fail(self, *arguments):
        raise ChunkMissingTerminator(b"xx")

    read = readline = readlines = fail


def test_a_sound_body_is_read_as_it_is():
    assert Body(BytesIO(b"one\ntwo")).read() == b"one\ntwo"
    assert Body(BytesIO(b"one\ntwo")).read(2) == b"on"
    assert Body(BytesIO(b"one\ntwo")).readline() == b"one\n"
    assert Body(BytesIO(b"one\ntwo")).readlines() == [b"one\n", b"two"]
    assert list(Body(BytesIO(b"one\ntwo"))) == [b"one\n", b"two"]


@pytest.mark.parametrize("read", [Body.read, Body.readline, Body.readlines, list])
def test_a_malformed_body_is_a_lost_connection_to_the_application(read):
    with pytest.raises(MalformedBody):
        read(Body(Broken()))


def test_the_application_gets_the_translated_body():
    def application(environ, start_response):
        return [environ["wsgi.input"].read()]

    assert translating(application)({"wsgi.input": BytesIO(b"body")}, None) == [b"body"]


class Answer:
    """What gunicorn hands an application: a method of the response that it will write."""

    def __init__(self):
        self.closed = False

    def start_response(self, status, headers):
        pass

    def force_close(self):
        self.closed = True


@pytest.mark.parametrize(
    ("begin", "closed"), [(phase.begin_serving, False), (phase.begin_draining, True)]
)
def test_a_connection_ends_with_its_answer_when_the_drain_began_meanwhile(begin, closed):
    answer = Answer()

    def application(environ, start_response):
        start_response("200 OK", [])
        begin()
        return [b""]

    try:
        translating(application)({"wsgi.input": BytesIO()}, answer.start_response)
    finally:
        phase.begin_serving()

    assert answer.closed is closed
