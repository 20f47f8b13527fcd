from __future__ import annotations

import pytest
from django.test import RequestFactory

from quintet.middleware.confidence import MOST_VALUES, secrets_of
from quintet.telemetry import confidence
from quintet.telemetry.redaction import HIDDEN
from quintet.views.parsers import PARSED


def asked(path="/", **extra):
    return RequestFactory().get(path, **extra)


def parsed(body):
    request = asked()
    request.__dict__[PARSED] = body
    return request


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({"HTTP_AUTHORIZATION": "Bearer abcdefgh"}, ["Bearer abcdefgh", "abcdefgh"]),
        ({"HTTP_AUTHORIZATION": "Basic am86aHVudGVyMg=="}, ["hunter2"]),
        ({"HTTP_AUTHORIZATION": "abcdefgh"}, ["abcdefgh"]),
        ({"HTTP_COOKIE": 'a=bcdefgh; c="defghi", e=fghijk'}, ["bcdefgh", "defghi", "fghijk"]),
        ({"HTTP_X_API_KEY": "abcdefgh"}, ["abcdefgh"]),
        ({"QUERY_STRING": "reset_token=abc%20defgh&page=1234567"}, ["abc defgh"]),
    ],
)
def test_what_has_the_name_of_a_secret_is_known(headers, known):
    assert set(known) <= set(secrets_of(asked(**headers)))


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_AUTHORIZATION": "Bearer abc"},
        {"HTTP_ACCEPT": "application/json"},
        {"QUERY_STRING": "page=1234567&token=12345"},
        {"QUERY_STRING": "&".join(["token=abcdefgh"] * 101)},
    ],
)
def test_what_has_no_such_name_or_is_found_everywhere_is_not(headers):
    known = {secret for secret in secrets_of(asked(**headers)) if "Bearer" not in secret}

    assert known == set()


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ({"password": "hunter22"}, ["hunter22"]),
        ({"a": [{"b": {"pin": 1234567}}]}, ["1234567"]),
        ({"tokens_of": 1, "secret": ["abcdefgh", {"x": 1}]}, ["abcdefgh"]),
        ({"credentials": {"a": "abcdefgh", "b": None}}, ["abcdefgh"]),
        ({"name": "hunter22"}, []),
        (["hunter22"], []),
        ("hunter22", []),
        (None, []),
    ],
)
def test_a_parsed_body_is_looked_into(body, known):
    assert list(secrets_of(parsed(body))) == known


def test_a_large_body_is_not_looked_through():
    body = {f"password{number}": f"secret-{number}" for number in range(MOST_VALUES * 5)}

    assert 0 < len(secrets_of(parsed([body, body]))) <= confidence.MOST


def test_what_was_known_before_the_body_is_parsed_is_known_after_it():
    request = asked(HTTP_COOKIE="a=bcdefgh")
    before = secrets_of(request)

    request.__dict__[PARSED] = {"password": "hunter22"}

    assert secrets_of(request) is secrets_of(request)
    assert {*before, "hunter22"} == set(secrets_of(request))


def test_the_longer_secret_is_hidden_first():
    with confidence.running(parsed({"password": "hunter22", "old_password": "hunter22-and-more"})):
        assert confidence.hide("hunter22-and-more, hunter22") == f"{HIDDEN}, {HIDDEN}"


def test_a_secret_is_found_as_json_writes_it():
    with confidence.running(parsed({"password": 'hun"ter\n22'})):
        assert confidence.hide_in_json(r'{"a": "hun\"ter\n22"}') == f'{{"a": "{HIDDEN}"}}'


@pytest.mark.urls("tests.middleware.rooms")
def test_a_request_without_an_answer_leaves_nothing_behind(client):
    with pytest.raises(KeyboardInterrupt):
        client.get("/leaving/", HTTP_X_API_KEY="hunter22")

    assert confidence.hide("hunter22") == "hunter22"


def test_where_there_is_no_request_nothing_is_hidden():
    assert confidence.hide("hunter22") == "hunter22"


def test_what_cannot_be_read_hides_nothing_and_stops_nothing():
    with confidence.running(object()):
        assert confidence.hide("hunter22") == "hunter22"
