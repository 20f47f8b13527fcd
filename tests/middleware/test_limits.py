from __future__ import annotations

import asyncio
import json
from io import BytesIO

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.core.handlers import asgi as asgi_handler
from django.core.wsgi import get_wsgi_application
from django.test import RequestFactory
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from quintet.middleware import asgi, bodies, wsgi
from quintet.middleware.asgi import bounded
from quintet.resilience.patience import Patience
from tests.middleware import rooms
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


class Recorded(BytesIO):
    """A file that shows what was written into it."""

    def __init__(self, written):
        super().__init__()
        self.written = written

    def write(self, data):
        self.written.append(data)
        return super().write(data)


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
    answer = wsgi.bounded(get_wsgi_application())(
        environ, lambda status, headers: said.append(status)
    )
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


@pytest.mark.parametrize("forwarding", [True, False])
def test_a_welcome_host_does_not_open_the_door_to_another(client, settings, forwarding):
    settings.USE_X_FORWARDED_HOST = forwarding

    assert client.get("/seen/").status_code == 200
    assert client.get("/seen/").status_code == 200
    assert client.get("/seen/", headers={"Host": "evil.example"}).status_code == 400
    forwarded = client.get("/seen/", headers={"X-Forwarded-Host": "evil.example"})
    assert forwarded.status_code == (400 if forwarding else 200)


def test_no_more_names_are_remembered_than_a_service_has(client, settings):
    settings.ALLOWED_HOSTS = [".example"]

    for number in range(100):
        assert client.get("/seen/", headers={"Host": f"a{number}.example"}).status_code == 200

    assert client.get("/seen/", headers={"Host": "a.evil"}).status_code == 400


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "identity, gzip", "\u017f"])
def test_a_compressed_body_is_not_read(coding):
    status, body = ask(b"", stream=Unread(), HTTP_CONTENT_ENCODING=coding)

    assert (status, body["error"]["code"]) == (415, "API_ERROR")


def test_a_compressed_body_is_told_what_is_understood(client):
    answer = client.post("/echo/", b"\x1f\x8b", "application/json", HTTP_CONTENT_ENCODING="gzip")

    assert (answer.status_code, answer["Accept-Encoding"]) == (415, "identity")


@pytest.mark.parametrize("coding", ["", "identity", " Identity "])
def test_a_body_that_says_that_it_is_plain_is_read(coding):
    assert ask(b"{}", HTTP_CONTENT_ENCODING=coding)[0] == 200


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "zlib", "idna", "nonsense", "rot13"])
def test_a_body_in_another_charset_is_not_read(charset):
    asked = {"CONTENT_TYPE": f"application/json; charset={charset}", "QUERY_STRING": "a=%ff"}

    assert ask(b"", stream=Unread(), **asked)[0] == 415


TOO_MANY = "&".join(f"a{number}=1" for number in range(1001))


@pytest.mark.parametrize(
    ("written", "query", "status"),
    [
        ("application/json; charset=utf-8", TOO_MANY, 200),
        ("application/json; charset*=nonsense''%ff", "", 415),
        ("application/json; charset*=utf-8''a%00b", "", 415),
        ("application/json; x*=1", "", 415),
        ("application/json; charset=utf-8; charset=idna", "a=%ff", 415),
        ("application/json;;=;", "", 200),
    ],
)
def test_a_content_type_does_not_break_the_request_itself(written, query, status):
    assert ask(b"{}", CONTENT_TYPE=written, QUERY_STRING=query)[0] == status
    typed = {"headers": [(b"host", b"testserver"), (b"content-type", written.encode())]}
    assert ask_later([b"{}"], query_string=query.encode(), **typed)[0] == status


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf8"', "us-ascii", ""])
def test_a_body_in_utf_8_may_say_so(charset):
    assert ask(b"{}", CONTENT_TYPE=f"application/json; charset={charset}")[0] == 200


@pytest.mark.parametrize("chunked", [True, False])
def test_a_view_may_take_more_than_the_service(chunked):
    assert ask(b"x" * (LIMIT * 2), "/large/", chunked=chunked) == (200, LIMIT * 2)
    assert ask(b"x" * (LIMIT * 40 + 1), "/large/", chunked=chunked)[0] == 413


@pytest.mark.parametrize("chunked", [True, False])
def test_a_view_may_take_less_than_the_service(chunked):
    assert ask(b"12345", "/small/", chunked=chunked) == (200, 5)

    status, body = ask(b"123456", "/small/", chunked=chunked)

    assert (status, body["error"]["details"]) == (413, {"limit_bytes": 5})


class Slow(BytesIO):
    def read(self, *_):
        raise TimeoutError("waited for long enough")


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_takes_too_long_is_a_408(chunked):
    status, body = ask(b"{}", stream=Slow(), chunked=chunked)

    assert (status, body["error"]["code"]) == (408, "API_ERROR")


def test_chunks_are_put_together_in_a_file_once_they_are_many(monkeypatch, caplog):
    monkeypatch.setattr(bodies, "IN_MEMORY_BYTES", 10)

    assert ask(b"x" * LIMIT, "/kind/") == (200, "BufferedRandom")
    assert ask(b"x", "/kind/") == (200, "BytesIO")


def test_what_the_chunks_were_put_into_is_closed_with_the_answer():
    assert ask(b"x", "/kept/") == (200, False)
    assert rooms.KEPT.pop().closed


def test_what_the_chunks_were_put_into_is_closed_without_an_answer():
    with pytest.raises(KeyboardInterrupt):
        ask(b"x", "/kept-and-left/")

    assert rooms.KEPT.pop().closed


def test_where_there_were_no_chunks_there_is_nothing_to_close():
    with pytest.raises(KeyboardInterrupt):
        ask(b"", "/leaving/", chunked=False)


def test_what_the_chunks_were_put_into_is_closed_when_there_are_too_many(monkeypatch):
    made = []
    make = bodies.tempfile.SpooledTemporaryFile
    monkeypatch.setattr(
        bodies.tempfile, "SpooledTemporaryFile", lambda **kw: made.append(make(**kw)) or made[-1]
    )

    assert ask(b"x" * (LIMIT + 1))[0] == 413
    assert [each.closed for each in made] == [True]


def test_a_multipart_body_in_chunks_is_read():
    body = encode_multipart(BOUNDARY, {"name": "jo", "picture": BytesIO(b"pixels")})

    status, got = ask(body, "/form/", CONTENT_TYPE=MULTIPART_CONTENT)

    assert (status, got) == (200, {"fields": 1, "files": 1})


@pytest.mark.parametrize(
    "fields",
    [
        {f"field{number}": "x" for number in range(1001)},
        {f"file{number}": BytesIO(b"x") for number in range(101)},
    ],
    ids=["fields", "files"],
)
def test_a_form_of_too_many_parts_is_a_400(fields):
    body = encode_multipart(BOUNDARY, fields)

    assert ask(body, "/form/", CONTENT_TYPE=MULTIPART_CONTENT)[0] == 400


PLAIN = [(b"host", b"testserver"), (b"content-type", b"application/json")]


def ask_later(chunks, path="/echo/", *, wrap=bounded, headers=PLAIN, **scope):
    """Ask as an ASGI server does, without a length unless ``headers`` have it."""

    async def talk():
        asked = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": headers,
            **scope,
        }
        peer = ApplicationCommunicator(wrap(get_asgi_application()), asked)
        for number, chunk in enumerate(chunks, start=1):
            if chunk is None:  # the client has gone silent
                break
            more = number < len(chunks)
            await peer.send_input({"type": "http.request", "body": chunk, "more_body": more})
        start = await peer.receive_output()
        body = await peer.receive_output()
        await peer.wait()
        return start["status"], json.loads(body["body"])

    return asyncio.run(talk())


def plainly(application):
    return application


wrappings = pytest.mark.parametrize("wrap", [bounded, plainly])


@wrappings
def test_a_body_without_a_length_is_read_behind_an_async_server(wrap):
    assert ask_later([b'{"a"', b": 1}"], wrap=wrap) == (200, {"got": {"a": 1}})


@wrappings
def test_a_body_without_a_length_is_bounded_behind_an_async_server(wrap):
    status, body = ask_later([b"x" * LIMIT, b"x"], wrap=wrap)

    assert (status, body["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


@wrappings
def test_a_view_says_how_much_it_takes_behind_an_async_server(wrap):
    assert ask_later([b"x" * LIMIT, b"x"], "/large/", wrap=wrap) == (200, LIMIT + 1)
    assert ask_later([b"12345", b"6"], "/small/", wrap=wrap)[0] == 413
    assert ask_later([b"12345", b"6"], "/under/small/", root_path="/under", wrap=wrap)[0] == 413


def test_what_is_too_large_is_not_kept_behind_an_async_server(monkeypatch):
    written = []
    monkeypatch.setattr(
        asgi_handler.tempfile,
        "SpooledTemporaryFile",
        lambda **_: Recorded(written),
    )

    status, _ = ask_later([b"x" * LIMIT, b"y", b"z" * 1_000_000])

    assert (status, b"".join(written)) == (413, b"x" * LIMIT)


def test_what_is_announced_too_large_is_not_received_behind_an_async_server():
    length = (b"content-length", str(LIMIT + 1).encode())

    status, _ = ask_later([], headers=[*PLAIN, length])

    assert status == 413


def test_a_length_that_is_no_number_is_refused_behind_an_async_server():
    assert ask_later([b"{}"], headers=[*PLAIN, (b"content-length", b"x")])[0] == 400


def test_the_rest_of_a_refused_body_does_not_kill_the_answer_to_it():
    """Django takes anything but the end of the client for a mistake of the server, and dies."""
    assert ask_later([b"x" * (LIMIT + 1), b"more", b"and more"])[0] == 413


def test_what_follows_a_cut_body_is_swallowed_until_the_client_leaves():
    said = [
        {"type": "http.request", "body": b"x" * (LIMIT + 1), "more_body": True},
        {"type": "http.request", "body": b"x", "more_body": False},
        {"type": "http.disconnect"},
    ]
    heard = []

    async def application(scope, receive, send):
        heard.extend([await receive(), await receive()])

    async def receive():
        return said.pop(0)

    scope = {"type": "http", "method": "POST", "path": "/echo/", "headers": []}
    asyncio.run(bounded(application)(scope, receive, None))

    assert [message["type"] for message in heard] == ["http.request", "http.disconnect"]
    assert heard[0]["body"] == b""


def test_a_slow_body_ends_behind_an_async_server(monkeypatch):
    monkeypatch.setattr(asgi, "Patience", lambda: Patience(start_seconds=0.05))

    status, body = ask_later([b"{", None])

    assert (status, body["error"]["code"]) == (408, "API_ERROR")


def test_what_is_no_request_passes():
    seen = []

    async def application(scope, receive, send):
        seen.append((scope, receive))

    asyncio.run(bounded(application)({"type": "lifespan"}, "receive", "send"))

    assert seen == [({"type": "lifespan"}, "receive")]


def test_a_query_that_is_not_ascii_reaches_the_middleware_behind_an_async_server():
    """Django would answer with a page of its own that nobody logs."""
    status, body = ask_later([b"{}"], query_string=b"a=\xff\xfe&b=1%20")

    assert (status, body) == (200, {"got": {}})
