"""Secrets are planted wherever a request can carry them, and views repeat them in every way."""

from __future__ import annotations

import json
import logging

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.test import AsyncClient, Client

from quintet import conf
from quintet.errors import InternalException, envelope
from quintet.health import CheckResult, registry
from quintet.telemetry import metrics, traces
from tests.middleware import leaky
from tests.project.settings import ProjectSettings
from tests.wire.servers import serving

pytestmark = [pytest.mark.urls("tests.middleware.leaky"), pytest.mark.django_db(transaction=True)]

CANARIES = {
    "password": "correct horse canary",
    "bearer token": leaky.TOKEN,
    "session cookie": leaky.COOKIE,
    "API key": leaky.API_KEY,
    "token in the query": leaky.QUERY_TOKEN,
    "number of a card": "4539 5787 6362 1486",
    "the same in one piece": "4539578763621486",
    "e-mail address": "canary.person",
    "password in a DSN": "canary-of-a-dsn",
    "JSON web token": "c2lnbmF0dXJlLW9mLWEtY2FuYXJ5",
    "private key": "canaryofakey",
    "key of a service": "canary4eC39",
    "PIN": leaky.PIN,
}
BODY = {
    "password": leaky.PASSWORD,
    "account": {"pin": leaky.PIN, "people": [{"secret": {"a": leaky.PASSWORD}}]},
    "card": leaky.CARD,
    "mail": leaky.EMAIL,
}
HEADERS = {
    "HTTP_AUTHORIZATION": f"Bearer {leaky.TOKEN}",
    "HTTP_COOKIE": f"theme=dark; sessionid={leaky.COOKIE}",
    "HTTP_X_API_KEY": leaky.API_KEY,
}
QUERY = f"?reset_token={leaky.QUERY_TOKEN}&mail={leaky.EMAIL}"
IN_A_PATH = {
    "token": leaky.JWT,
    "card": "4539578763621486",
    "address": leaky.EMAIL,
    "key": leaky.SERVICE_KEY,
    "dsn": leaky.DSN,
}


class Heard:
    """Everything that left the process while a test ran."""

    def __init__(self, captured_logs, collector, capfd):
        self.answers = []
        self._logs, self._collector, self._capfd = captured_logs, collector, capfd

    def answer(self, response):
        headers = json.dumps(dict(response.headers))
        streaming = getattr(response, "streaming", False)
        self.answers.append(headers + ("" if streaming else response.content.decode()))
        return response

    def everything(self):
        traces.flush(5)
        printed = self._capfd.readouterr()
        return {
            "logs": json.dumps(self._logs, ensure_ascii=False),
            "output": printed.out + printed.err,
            "metrics": metrics.exposition("")[0].decode(),
            "answers": "\n".join(self.answers),
            "traces": b"\n".join(self._collector.bodies).decode("latin-1"),
        }


@pytest.fixture
def heard(captured_logs, collector, capfd):
    logging.getLogger("leaky").setLevel(logging.INFO)
    leaky.REACHED.clear()
    return Heard(captured_logs, collector, capfd)


@pytest.fixture
def asker():
    return Client(raise_request_exception=False)


def assert_silent(heard):
    """Nothing has sung, though much was said."""
    for where, text in heard.everything().items():
        assert [name for name, canary in CANARIES.items() if canary in text] == [], where


@pytest.fixture(params=[False, True], ids=["", "debug"])
def debug(request, settings):
    settings.DEBUG = request.param


@pytest.mark.usefixtures("debug")
@pytest.mark.parametrize("how", leaky.WAYS)
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data"])
def test_no_view_can_repeat_what_it_was_told_in_confidence(heard, asker, users, how, kind):
    form = {**{key: BODY[key] for key in ("card", "mail", "password")}, "pin": leaky.PIN}
    body = (BODY, "application/json") if kind == "application/json" else (form,)

    heard.answer(asker.post(f"/leak/{how}/{QUERY}", *body, **HEADERS))

    assert [how] == leaky.REACHED
    assert_silent(heard)


@pytest.fixture
def users(settings):
    """Another service, which repeats what it was asked, and one that is not there."""

    def repeat(handler):
        said = f"{handler.path} by {leaky.EMAIL} with {leaky.DSN}, {leaky.JWT}"
        error = InternalException(said)
        answer = envelope(error, correlation_id="x", service="users", timestamp="now")
        answer["error"] |= {"code": "BUSINESS_LOGIC_ERROR", "details": {"seen": [said]}}
        handler.reply_json(answer, status=422)

    with serving(repeat) as server:
        environ = {
            "SERVICE_ENVIRONMENT": "test",
            "SECRET_KEY": "k",
            "USERS_SERVICE_URL": server.url,
            "PRODUCTS_SERVICE_URL": "http://127.0.0.1:9",
        }
        settings.QUINTET = ProjectSettings.load(environ=environ)
        yield


@pytest.mark.usefixtures("debug")
@pytest.mark.parametrize("prefix", ["/leak/in_a_note/", "/nowhere/"])
@pytest.mark.parametrize("what", IN_A_PATH)
def test_a_path_is_not_repeated_either(heard, asker, prefix, what):
    heard.answer(asker.get(f"{prefix}{IN_A_PATH[what]}", **HEADERS))

    assert_silent(heard)


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        {**BODY, leaky.JWT: 1, leaky.EMAIL: 2, leaky.PASSWORD: 3},
        {"password": [leaky.PASSWORD], "pin": leaky.CARD},
        [leaky.PASSWORD],
    ],
    ids=["values", "names", "lists", "no object"],
)
def test_what_is_said_about_a_mistake_does_not_repeat_it(heard, asker, body):
    heard.answer(asker.post("/account/", body, "application/json", **HEADERS))

    assert leaky.REACHED == ["account"]
    assert_silent(heard)


@pytest.mark.parametrize(
    "body", [b'{"password": "correct horse canary"', b"\xffcorrect horse canary"]
)
def test_what_is_no_json_is_not_repeated(heard, asker, body):
    heard.answer(asker.post("/leak/in_a_message/", body, "application/json", **HEADERS))

    assert_silent(heard)


@pytest.mark.parametrize("where", ["/stream/", "/later/", "/page/"])
def test_streams_coroutines_and_pages_are_held_to_it_too(heard, asker, where):
    response = heard.answer(asker.get(where + QUERY, **HEADERS))
    if response.streaming:
        with pytest.raises(ConnectionError):
            b"".join(response)

    assert [where.strip("/")] == leaky.REACHED
    assert_silent(heard)


def test_a_coroutine_keeps_a_confidence_behind_an_async_server(heard):
    headers = {"Authorization": f"Bearer {leaky.TOKEN}", "Cookie": f"a={leaky.COOKIE}"}
    asker = AsyncClient(raise_request_exception=False)

    heard.answer(async_to_sync(asker.get)("/later/", headers=headers))

    assert leaky.REACHED == ["later"]
    assert_silent(heard)


@pytest.mark.parametrize(
    "credentials", ["Basic YTpjb3JyZWN0IGhvcnNlIGNhbmFyeQ==", "Basic %%%", "Basic /w=="]
)
def test_a_password_in_basic_credentials_is_known(heard, asker, credentials):
    heard.answer(asker.post("/leak/in_a_context/", HTTP_AUTHORIZATION=credentials))

    assert leaky.REACHED == ["in_a_context"]
    if credentials.startswith("Basic YTp"):
        assert_silent(heard)


@pytest.fixture
def checks():
    """What is registered here is forgotten afterwards."""
    before = dict(registry._registered)
    yield
    registry._registered.clear()
    registry._registered.update(before)
    registry.reset()


@pytest.mark.usefixtures("checks")
def test_the_details_of_health_name_no_secret(heard, asker):
    def leaking():
        raise ConnectionError(f"cannot open {leaky.DSN} for {leaky.EMAIL}")

    def telling():
        return CheckResult(healthy=False, details={"error": f"cannot open {leaky.DSN}"})

    for check in (leaking, telling):
        registry.register(f"canary {check.__name__}", check)
        assert "canary" in heard.answer(asker.get("/health/")).content.decode()

    assert_silent(heard)


def test_the_settings_name_no_secret(heard, capfd):
    given = {
        "SERVICE_ENVIRONMENT": "test",
        "SECRET_KEY": "correct horse canary",
        "DATABASE_URL": leaky.DSN,
        "CACHE_URL": "redis://:canary-of-a-dsn@cache/0",
        "HEALTH_TOKEN": leaky.TOKEN,
        "AUTH_SIGNING_KEYS": leaky.PEM,
    }
    settings = ProjectSettings.load(environ=given)
    logging.getLogger("leaky").error("started with %s %r", settings, vars(settings))
    logging.getLogger("leaky").error("started", extra=vars(settings) | {"environ": given})
    call_command("quintet_settings")

    assert_silent(heard)
    assert conf.current() is not settings
