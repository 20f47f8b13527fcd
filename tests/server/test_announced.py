from __future__ import annotations

from io import BytesIO

import pytest

from quintet.lifecycle import phase
from quintet.server.announced import AnnouncedBody, answering
from quintet.server.startup import MalformedBody


class Answer:
    """What granian hands an application instead of a function."""

    def __init__(self):
        self.headers = []

    def __call__(self, status, headers):
        self.headers = headers


@pytest.fixture
def asked():
    """Ask an application that gives back what it was given."""

    def ask(**environ):
        seen = {}

        def application(given, start_response):
            start_response("200 OK", [])
            seen.update(given)
            return [given["wsgi.input"].read()]

        given = {"wsgi.input": BytesIO(b"body"), "wsgi.url_scheme": "http", **environ}
        answer = Answer()
        body = answering(application)(given, answer)
        return seen, body, answer.headers

    return ask


def test_a_whole_body_is_read_as_it_is():
    assert AnnouncedBody(BytesIO(b"one\ntwo"), 7).read() == b"one\ntwo"
    assert AnnouncedBody(BytesIO(b"one\ntwo"), 7).read(2) == b"on"
    assert AnnouncedBody(BytesIO(b"one\ntwo"), 7).readline() == b"one\n"
    assert AnnouncedBody(BytesIO(b"one\ntwo"), 7).readline(2) == b"on"
    assert AnnouncedBody(BytesIO(b"one\ntwo"), 7).readlines() == [b"one\n", b"two"]
    assert list(AnnouncedBody(BytesIO(b"one\ntwo"), 7)) == [b"one\n", b"two"]


def test_nothing_is_read_beyond_what_was_announced():
    source = BytesIO(b"one and the next")

    assert AnnouncedBody(source, 3).read(100) == b"one"
    assert source.read() == b" and the next"


@pytest.mark.parametrize("read", [AnnouncedBody.read, AnnouncedBody.readlines, list])
def test_a_body_that_broke_off_is_a_lost_connection_to_the_application(read):
    with pytest.raises(MalformedBody, match="6 bytes too early"):
        read(AnnouncedBody(BytesIO(b"half"), 10))


def test_a_body_without_a_length_is_not_called_complete(asked):
    seen, body, _ = asked(HTTP_TRANSFER_ENCODING="chunked")

    assert (seen["wsgi.input_terminated"], body) == (False, [b""])


def test_a_body_with_a_length_is_handed_on(asked):
    assert asked(CONTENT_LENGTH="4")[1] == [b"body"]


@pytest.mark.parametrize(
    ("begin", "headers"),
    [(phase.begin_serving, []), (phase.begin_draining, [("connection", "close")])],
)
def test_a_draining_service_closes_its_connections(asked, begin, headers):
    begin()

    try:
        assert asked()[2] == headers
    finally:
        phase.begin_serving()


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        ("10.0.0.1", "https", "https"),
        ("10.0.0.1", "ftp", "http"),
        ("192.0.2.1", "https", "http"),
        ("", "https", "http"),
    ],
)
def test_only_a_trusted_proxy_says_that_the_outside_is_https(asked, trusting, peer, proto, scheme):
    seen, _, _ = asked(HTTP_X_FORWARDED_PROTO=proto, REMOTE_ADDR=peer)

    assert seen["wsgi.url_scheme"] == scheme


@pytest.fixture
def trusting(settings):
    settings.QUINTET = type(settings.QUINTET).load(
        {
            "SERVICE_NAME": "shop",
            "SERVICE_ENVIRONMENT": "test",
            "SECRET_KEY": "k",
            "TRUSTED_PROXIES": "10.0.0.0/8",
        }
    )
