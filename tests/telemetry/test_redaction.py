from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quintet.telemetry.logs import get_logger
from quintet.telemetry.redaction import HIDDEN, is_secret_name, redact

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl-_"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\nhunter2\n-----END EC PRIVATE KEY-----"

log = get_logger("shop.till")


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "new_password",
        "PASSWD",
        "pwd",
        "access_token",
        "refreshToken",
        "client_secret",
        "Authorization",
        "HTTP_COOKIE",
        "Set-Cookie",
        "api_key",
        "apikey",
        "X-Api-Key",
        "private_key",
        "sessionid",
        "csrfmiddlewaretoken",
        "SECRET_KEY",
        "card_number",
        "cvv",
        "credentials",
    ],
)
def test_a_field_with_the_name_of_a_secret_is_hidden(written, name):
    log.info("seen", **{name: "hunter2"})

    assert written.line()[name] == HIDDEN


@pytest.mark.parametrize(
    "name", ["user_id", "path", "status", "token_type", "author", "compass", "keyboard", "span"]
)
def test_a_field_with_a_harmless_name_is_shown(name):
    assert not is_secret_name(name)


def test_secrets_are_hidden_however_deep(written):
    log.info("seen", body={"users": [{"name": "jo", "password": "hunter2"}]})

    assert written.line()["body"] == {"users": [{"name": "jo", "password": HIDDEN}]}


@pytest.mark.parametrize(
    ("text", "hidden", "kept"),
    [
        (f"got {JWT} from jo", "eyJ", "from jo"),
        ("Authorization: Bearer abc.def-123456", "abc.def", "Authorization"),
        ("sent bearer abcdefgh12345678 twice", "abcdefgh", "twice"),
        ("Basic dXNlcjpodW50ZXIy", "dXNl", "Basic"),
        ("postgres://shop:hunter2@db:5432/shop", "hunter2", "@db:5432/shop"),
        ("redis://:hunter2@cache/0", "hunter2", "cache/0"),
        ("could not open 'amqp://a:hunter2@mq//'", "hunter2", "could not open"),
        ("GET /reset?token=hunter2&page=2", "hunter2", "page=2"),
        ("GET /?API-KEY=hunter2", "hunter2", "GET"),
        ("host=db password=hunter2 dbname=shop", "hunter2", "dbname=shop"),
        ("no such pet\nDETAIL:  Key (pet)=(hunter2) exists.\nHINT: none", "hunter2", "HINT: none"),
        ("syntax\nLINE 12: SELECT 'hunter2'\n        ^", "hunter2", "LINE 12:"),
        ("bad input\nCONTEXT:  COPY pets, line 1: hunter2", "hunter2", "bad input"),
        ("host=db password='hunter2 x' dbname=shop", "hunter2 x", "dbname=shop"),
        ('{"password": "hunter2", "name": "jo"}', "hunter2", '"name": "jo"'),
        ("{'client_secret': 'hunter2', 'name': 'jo'}", "hunter2", "'name': 'jo'"),
        ("Login(name='jo', password='hunter2')", "hunter2", "name='jo'"),
        ("Cookie: a=hunter2; b=hunter3", "hunter", "Cookie"),
        ("X-Api-Key: hunter2", "hunter2", "Api-Key"),
        ("Authorization: Token hunter2", "hunter2", "Authorization"),
        ("{'Authorization': 'ApiKey hunter2'}", "hunter2", "Authorization"),
        (
            "refused\nAuthorization: AWS4 Credential=a/b, Signature=hunter2\nHost: shop",
            "ter2",
            "Host",
        ),
        ('{"password": "hun\\"ter2 hunter2", "name": "jo"}', "ter2", '"name": "jo"'),
        ("cannot open postgres://shop:hun/ter2@db:5432/shop", "ter2", "@db:5432/shop"),
        ("cannot open postgres://shop:hun#ter?2@db:5432/shop", "ter", "@db:5432/shop"),
        ("paid with 4111 1111 1111 1111 today", "1111", "today"),
        ("paid with 5500-0000-0000-0004.", "0004", "paid with"),
        ("amex 378282246310005", "378282246310005", "amex"),
        ("mail to jo.public+x@example.com now", "jo.public", "@example.com now"),
        (f"key {PEM} loaded", "hunter2", "loaded"),
        ("/hooks/sk_live_4eC39HqLyjWDarjt/", "4eC39", "/hooks/"),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7", "***"),
        ("pushed with glpat-ABCDEFGHIJKLMNOP1234", "ABCDEF", "pushed"),
        ("the key AKIAIOSFODNN7EXAMPLE is out", "IOSFOD", "is out"),
        ("slack: xoxb-17653672481-19874698323", "17653", "slack"),
        ("key -----BEGIN PRIVATE KEY-----\nhunter2", "hunter2", "key"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(text, hidden, kept):
    redacted = redact(text)

    assert hidden not in redacted
    assert kept in redacted


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/v1/users/{id}/",
        "order 1234567890123 shipped",
        "4111 1111 1111 1112",
        "0af7651916cd43dd8448eb211c80319c",
        "12345678-1234-5678-1234-567812345678",
        "2026-11-23T20:40:59.510526Z",
        "http://users:8000/api/v1/users/7/?page=2",
        "http://users:8000/?at=@noon",
        "http://[::1]:8000/@noon",
        "the password was wrong",
        "shopping_basket_token_count",
        "pin the company: otpimism",
        "github_patterns_are_read",
        "a basic plan",
        "10.0.0.1",
    ],
)
def test_harmless_text_is_left_as_it_is(text):
    assert redact(text) == text


def test_secrets_in_the_text_of_an_exception_are_hidden(written):
    def connect() -> None:
        raise ConnectionError("postgres://shop:hunter2@db failed, password=hunter2")

    try:
        connect()
    except ConnectionError:
        log.exception("cannot reach postgres://shop:hunter2@db", error=ValueError("token=hunter2"))

    assert "hunter2" not in written.getvalue()
    assert "ConnectionError" in written.line()["exception"]
    assert written.line()["error"] == f"ValueError: token={HIDDEN}"


def test_a_secret_at_the_cut_of_long_text_is_hidden(written):
    for padding in range(2_000, 2_100, 7):
        log.info("%s %s %s", "x" * padding, JWT, "y" * 4_000)

    assert "c2lnbmF0dXJl" not in written.getvalue()
    assert "eyJ" not in written.getvalue()


@pytest.mark.parametrize(
    "form", ["{}=hunter2hunter2", "{}: hunter2hunter2", '"{}":"hunter2hunter2"']
)
@pytest.mark.parametrize("spelled", [str.lower, str.upper, str.title])
@pytest.mark.parametrize(
    "name",
    [
        "passwd",
        "password",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "authorization",
        "api-key",
        "access_key",
        "privatekey",
        "credential",
        "session-id",
        "csrf",
        "signature",
        "card-number",
        "cvv",
        "otp",
        "pin",
        "iban",
    ],
)
def test_what_is_looked_for_first_knows_every_name(name, spelled, form):
    assert "hunter2" not in redact(form.format(spelled(name)))


@pytest.mark.parametrize("scheme", ["Bearer", "BASIC", "digest"])
def test_what_is_looked_for_first_knows_every_scheme(scheme):
    assert "hunter2" not in redact(f"{scheme} hunter2hunter2")


@given(st.text())
def test_redaction_takes_any_text(text):
    assert isinstance(redact(text), str)


@pytest.mark.parametrize(
    "noise", ["a", "4 ", "://", "token", "a.a-", "Basic ", "eyJ", "-----BEGIN "]
)
def test_noise_that_almost_matches_does_not_exhaust_the_processor(noise):
    """A pattern that backtracks would need hours for this."""
    assert redact(noise * 100_000) == noise * 100_000


@pytest.mark.parametrize("empty", ["\n", "\n ", "\t\n"])
def test_empty_lines_before_what_almost_matches_do_not_exhaust_the_processor(empty):
    """A pattern that looks for the word behind all of them, from each of them, would."""
    noise = empty * 50_000 + "LINE of thought"

    assert redact(noise) == noise
