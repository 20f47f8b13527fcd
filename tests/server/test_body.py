from __future__ import annotations

from io import BytesIO
from types import SimpleNamespace

import pytest
from django.http import HttpResponse
from gunicorn.http.errors import ChunkMissingTerminator

from quintet.lifecycle import phase
from quintet.server.body import CONTINUE, Body, translating
from quintet.server.startup import MalformedBody


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
def test_half_a_body_is_a_lost_connection_to_the_application(read):
    """gunicorn takes the end of the connection for the end of a body."""
    with pytest.raises(MalformedBody):
        read(Body(BytesIO(b"half"), 8))


def test_pieces_of_a_body_are_no_halves():
    body = Body(BytesIO(b"one\ntwo\nthree"), 13)

    assert (body.read(2), body.readline(), body.readline(2)) == (b"on", b"e\n", b"tw")
    assert (body.readline(), body.read(-1), body.read(5)) == (b"o\n", b"three", b"")


@pytest.mark.parametrize("read", [Body.read, Body.readline, Body.readlines, list])
def test_a_malformed_body_is_a_lost_connection_to_the_application(read):
    with pytest.raises(MalformedBody):
        read(Body(Broken()))


ASKED = {"REQUEST_METHOD": "POST"}


class Socket:
    """What of a client's socket a body needs."""

    def __init__(self):
        self.sent = []
        self.awaits = None

    def await_body(self):
        self.awaits = "body"

    def sendall(self, data):
        self.sent.append(data)

    def has_sent_more(self):
        return False


class Answer:
    """What gunicorn hands an application: a method of the response that it will write."""

    def __init__(self, *, awaited=False):
        self.closed = False
        self.sock = Socket()
        self.req = SimpleNamespace(is_awaited=awaited, unreader=None)

    def start_response(self, status, headers):
        pass

    def force_close(self):
        self.closed = True


def reading(environ, start_response):
    return [environ["wsgi.input"].read(2), environ["wsgi.input"].read()]


def refusing(environ, start_response):
    return [b"no"]


def test_the_application_gets_the_translated_body():
    answer = Answer()

    assert translating(reading)(
        {**ASKED, "wsgi.input": BytesIO(b"body")}, answer.start_response
    ) == [
        b"bo",
        b"dy",
    ]
    assert answer.sock.awaits == "body"
    assert (answer.sock.sent, answer.closed) == ([], False)


def test_a_body_that_waits_to_be_asked_for_is_asked_for_once_it_is_read():
    answer = Answer(awaited=True)

    translating(reading)({**ASKED, "wsgi.input": BytesIO(b"body")}, answer.start_response)

    assert (answer.sock.sent, answer.closed) == ([CONTINUE], False)


@pytest.mark.parametrize("answered", [[b"body"], HttpResponse(b"body")])
def test_the_answer_to_head_is_not_made(answered):
    environ = {"REQUEST_METHOD": "HEAD", "wsgi.input": BytesIO()}

    sent = translating(lambda *_: answered)(environ, Answer().start_response)

    assert list(sent) == []
    sent.close()
    assert getattr(answered, "closed", True)


def test_a_body_that_nobody_reads_is_not_asked_for_and_its_connection_ends():
    answer = Answer(awaited=True)

    translating(refusing)({**ASKED, "wsgi.input": BytesIO(b"body")}, answer.start_response)

    assert (answer.sock.sent, answer.closed) == ([], True)


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
        translating(application)({**ASKED, "wsgi.input": BytesIO()}, answer.start_response)
    finally:
        phase.begin_serving()

    assert answer.closed is closed
