from __future__ import annotations

import asyncio
import json
from io import BytesIO

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.test import RequestFactory

from tests.project.settings import ProjectSettings

pytestmark = [pytest.mark.urls("tests.middleware.rooms"), pytest.mark.django_db]

LIMIT = 100


@pytest.fixture(autouse=True)
def narrow(settings):
    environ = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY": "k", "MAX_REQUEST_BYTES": str(LIMIT)}
    settings.QUINTET = ProjectSettings.load(environ=environ)


class Unread(BytesIO):
    """A body that must not be read."""

    def read(self, *_):
        raise AssertionError("read")


class Broken(BytesIO):
    def read(self, *_):
        raise OSError("the client is gone")


def ask(body, path="/echo/", *, chunked=True, stream=None, **extra):
    """Ask as a server does: what is chunked has no length, and ends where the input ends."""
    environ = RequestFactory().post(path).environ | {"CONTENT_TYPE": "application/json"}
    environ["wsgi.input"] = stream or BytesIO(body)
    environ.pop("CONTENT_LENGTH", None)
    if chunked:
        environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    else:
        environ["CONTENT_LENGTH"] = str(len(body))
    environ.update(extra)
    said = []
    answer = get_wsgi_application()(environ, lambda status, headers: said.append(status))
    content = b"".join(answer)
    answer.close()
    return int(said[0][:3]), json.loads(content)


def test_a_chunked_body_is_read():
    status, body = ask(b'{"a": 1}')

    assert (status, body) == (200, {"got": {"a": 1}})


def test_a_chunked_body_may_be_as_large_as_the_limit():
    assert ask(b'"' + b"x" * (LIMIT - 2) + b'"')[0] == 200


def test_a_chunked_body_above_the_limit_is_not_read_to_its_end():
    stream = BytesIO(b"x" * 1_000_000)

    status, body = ask(b"", stream=stream)

    assert (status, body["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert body["error"]["details"] == {"limit_bytes": LIMIT}
    assert stream.tell() == LIMIT + 1


def test_a_body_that_is_announced_too_large_is_not_read_at_all():
    status, _ = ask(b"x" * (LIMIT + 1), chunked=False, stream=Unread())

    assert status == 413


def test_a_body_with_a_length_is_read_as_ever():
    assert ask(b'{"a": 1}', chunked=False) == (200, {"got": {"a": 1}})


def test_a_chunked_body_is_refused_where_the_server_does_not_know_its_end():
    status, body = ask(b"{}", stream=Unread(), **{"wsgi.input_terminated": False})

    assert (status, body["error"]["code"]) == (411, "API_ERROR")


def test_a_body_that_breaks_off_is_a_400():
    assert ask(b"", stream=Broken())[0] == 400


@pytest.mark.parametrize("length", ["x", "-1", "1.5", "٣", "1e3"])
def test_a_length_that_is_no_number_is_a_400(length):
    assert ask(b"{}", chunked=False, CONTENT_LENGTH=length)[0] == 400


@pytest.mark.parametrize("length", ["9" * 20, "9" * 5000])
def test_a_length_of_many_digits_is_too_large(length):
    assert ask(b"{}", chunked=False, CONTENT_LENGTH=length)[0] == 413


def test_a_request_without_a_body_needs_no_length():
    assert ask(b"", chunked=False, CONTENT_LENGTH="") == (200, {"got": {}})


def test_the_bodies_of_plain_views_are_bounded_and_read_as_well():
    assert ask(b"12345", "/raw/x/") == (200, 5)


def test_a_body_above_the_bound_of_django_is_a_413(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10

    status, body = ask(b'{"a": "too much"}', chunked=False)

    assert (status, body["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
@pytest.mark.django_db(transaction=True)
def test_a_probe_is_answered_under_any_host(client, path):
    assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200


def test_any_other_url_is_not_answered_under_any_host(client):
    assert client.get("/seen/", headers={"Host": "10.1.2.3:8000"}).status_code == 400


def ask_later(chunks):
    """Ask as an ASGI server does, without a length."""

    async def talk():
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/echo/",
            "query_string": b"",
            "headers": [(b"host", b"testserver"), (b"content-type", b"application/json")],
        }
        peer = ApplicationCommunicator(get_asgi_application(), scope)
        for number, chunk in enumerate(chunks, start=1):
            more = number < len(chunks)
            await peer.send_input({"type": "http.request", "body": chunk, "more_body": more})
        start = await peer.receive_output()
        body = await peer.receive_output()
        await peer.wait()
        return start["status"], json.loads(body["body"])

    return asyncio.run(talk())


def test_a_body_without_a_length_is_read_behind_an_async_server():
    assert ask_later([b'{"a"', b": 1}"]) == (200, {"got": {"a": 1}})


def test_a_body_without_a_length_is_bounded_behind_an_async_server():
    status, body = ask_later([b"x" * LIMIT, b"x"])

    assert (status, body["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
