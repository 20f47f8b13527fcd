from __future__ import annotations

from io import BytesIO

import pytest
from gunicorn.http.errors import ChunkMissingTerminator

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
