from __future__ import annotations

import gzip
import json

import pytest

from quintet import auth
from quintet.auth import HTTPKeySource, MemoryKeySource, RecordingKeySource, UnknownIssuer
from quintet.auth.sources import DOCUMENT_BYTES_MAX
from quintet.errors import AuthenticationException, ServiceException, UnavailableException
from quintet.settings import SettingsError
from quintet.testing.identity import Identity
from tests.wire.servers import closed_port, serving


@pytest.fixture
def published(users):
    """The users service as far as its keys are concerned."""
    with serving(lambda handler: handler.reply_json(users.document)) as server:
        yield server


@pytest.fixture(params=["http", "memory", "recording", "identity"])
def any_source(request, users, published, configure):
    if request.param == "http":
        configure(AUTH_ISSUERS=f"users={published.url}/.well-known/jwks.json")
        return HTTPKeySource()
    if request.param == "identity":
        identity = Identity()
        identity.user_token(1)
        return identity
    memory = MemoryKeySource({"users": users.document})
    return memory if request.param == "memory" else RecordingKeySource(memory)


def test_every_source_gives_the_document_of_a_trusted_issuer(any_source):
    (key,) = any_source.fetch("users")["keys"]

    assert (key["kty"], key["crv"], key["use"]) == ("EC", "P-256", "sig")


@pytest.mark.parametrize("name", ["mallory", "", "Users", "users ", "http://127.0.0.1/jwks"])
def test_every_source_refuses_an_issuer_that_is_not_trusted(any_source, name):
    with pytest.raises(UnknownIssuer):
        any_source.fetch(name)


def test_the_document_is_asked_for_where_the_setting_says(published, configure):
    configure(AUTH_ISSUERS=f"users={published.url}/keys.json?v=1")

    HTTPKeySource().fetch("users")

    assert published.requests[0].path == "/keys.json?v=1"


def test_an_issuer_that_nobody_named_causes_no_request(published, users, configure):
    configure(AUTH_ISSUERS=f"payments={published.url}/")

    with auth.use_key_source(HTTPKeySource()), pytest.raises(AuthenticationException):
        auth.verify(users.user())

    assert published.requests == []


@pytest.mark.parametrize(
    "respond",
    [
        pytest.param(lambda h: h.reply(500, b"{}"), id="a failure"),
        pytest.param(lambda h: h.reply(204), id="no content"),
        pytest.param(lambda h: h.reply(302, Location="http://127.0.0.1:1/"), id="a redirect"),
        pytest.param(lambda h: h.reply(200, b"<html>"), id="a page"),
        pytest.param(lambda h: h.reply(200, b""), id="nothing"),
        pytest.param(lambda h: h.reply(200, b"[]"), id="a list"),
        pytest.param(lambda h: h.reply(200, b"[" * 20_000), id="nested too deep"),
        pytest.param(lambda h: h.reply(200, b" " * (DOCUMENT_BYTES_MAX + 1)), id="too large"),
        pytest.param(
            lambda h: h.reply(200, gzip.compress(b"{}"), Content_Encoding="gzip"), id="compressed"
        ),
    ],
)
def test_an_answer_that_is_no_document_is_an_outage(configure, respond):
    with serving(respond) as server:
        configure(AUTH_ISSUERS=f"users={server.url}/")

        with pytest.raises(ServiceException):
            HTTPKeySource().fetch("users")


def test_tokens_are_verified_over_http_and_the_keys_fetched_once(published, users, configure):
    configure(AUTH_ISSUERS=f"users={published.url}/")

    with auth.use_key_source(HTTPKeySource()):
        verified = [auth.verify(users.user(sub=str(n))).user_id for n in range(1, 20)]

    assert verified == list(range(1, 20))
    assert len(published.requests) == 1


def test_an_issuer_that_is_down_from_the_start_makes_the_token_unverifiable(users, configure):
    configure(AUTH_ISSUERS=f"users=http://127.0.0.1:{closed_port()}/")

    with auth.use_key_source(HTTPKeySource()), pytest.raises(UnavailableException):
        auth.verify(users.user())


def test_keys_stay_in_use_after_the_issuer_went_down(users, configure):
    with auth.use_key_source(HTTPKeySource()):
        with serving(lambda h: h.reply(200, json.dumps(users.document).encode())) as server:
            configure(AUTH_ISSUERS=f"users={server.url}/")
            auth.verify(users.user())

        assert auth.verify(users.user()).user_id == 7


@pytest.mark.parametrize("location", ["http://jo:hunter2@users/jwks", "http://users/jwks#keys"])
def test_an_address_that_could_never_be_fetched_is_refused_at_the_start(configure, location):
    with pytest.raises(SettingsError, match="AUTH_ISSUERS") as raised:
        configure(AUTH_ISSUERS=f"users={location}")

    assert "hunter2" not in str(raised.value)
