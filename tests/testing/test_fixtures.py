from __future__ import annotations

import pytest

from quintet import context
from quintet import testing as kit
from quintet.auth import MemoryKeySource, tokens
from quintet.errors import NotFoundException
from quintet.settings.rates import parse
from quintet.views.throttling.counting import counting

pytestmark = pytest.mark.urls("tests.testing.doors")
LEFT = context.Context(correlation_id="left-behind")


def test_the_api_asks_as_nobody(api):
    assert api.get("/whoami/").json() == {"kind": "anonymous", "staff": False}


@pytest.mark.parametrize(
    ("become", "answer"),
    [
        (lambda api: api.as_user(7), {"kind": "user", "staff": False}),
        (lambda api: api.as_staff(), {"kind": "user", "staff": True}),
        (lambda api: api.as_service("orders"), {"kind": "service", "staff": False}),
    ],
)
def test_the_api_becomes_somebody_and_stays_nobody_itself(api, become, answer):
    assert become(api).get("/whoami/").json() == answer
    assert api.get("/whoami/").json()["kind"] == "anonymous"


def test_downstream_answers_what_the_test_says(api, downstream):
    downstream.answer("users", "GET", "/api/v1/users/{id}/", json={"id": 7})

    assert api.get("/neighbour/").json() == {"id": 7}
    assert len(downstream.asked("users")) == 1


def test_an_error_of_downstream_arrives_as_the_error_it_was(api, downstream):
    error = NotFoundException("No user 7.")
    downstream.fail("users", "GET", "/api/v1/users/{id}/", error=error, status=404)

    assert api.get("/neighbour/").status_code == 404


def test_captured_logs_are_what_production_would_write(api, captured_logs):
    api.as_user(7).get("/whoami/")

    (line,) = [line for line in captured_logs if line["message"] == "somebody asks"]
    assert (line["service"], line["subject"]) == ("project", "7")
    assert "hunter2" not in str(line)
    assert len(line["correlation_id"]) == 32


@pytest.mark.parametrize("turn", [1, 2])
def test_no_context_is_left_from_an_earlier_test(turn):
    assert context.current() is None

    context.bind(LEFT)


@pytest.mark.parametrize("turn", [1, 2])
def test_no_trust_is_left_from_an_earlier_test(turn):
    source = MemoryKeySource({})
    assert not isinstance(tokens.key_source(), MemoryKeySource)

    tokens.trust(source)


@pytest.mark.parametrize("turn", [1, 2])
def test_nobody_is_limited_by_what_an_earlier_test_asked(turn):
    once = parse("1/hour")

    assert counting().ask("caller", once, fail_closed=False).granted


def test_every_name_of_the_kit_can_be_had():
    assert {name: getattr(kit, name) is not None for name in kit.__all__} == dict.fromkeys(
        kit.__all__, True
    )


def test_a_name_that_the_kit_does_not_have_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Mock'"):
        kit.Mock  # noqa: B018 - the lookup is the test
