from __future__ import annotations

import io
import json
import logging
import sys
import threading
from datetime import datetime

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quintet import context
from quintet.settings import ServiceSettings, derive
from quintet.telemetry import logs
from quintet.telemetry.logs import JSONFormatter, StandardOutput, StructuredLogger, get_logger

log = get_logger("shop.till")
stdlib = logging.getLogger("shop.stdlib")

HOSTILE = [
    'a "quote" and a \\ backslash',
    'a\nnew line\r\n{"level":"CRITICAL","message":"forged"}',
    "\x1b[31mred\x1b[0m \x9b31m \x07",
    "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg",
    "\u202eyenom\u202c \u2066x\u2069 \x7f \u061c",
    "half of a pair \ud800 and \udfff",
    "nul \x00",
    "emoji 🎻",
    "%s %d %(name)s {} {0}",
]


class Unrepresentable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no")


def test_a_line_says_what_happened_where_and_for_whom(written):
    with context.running(context.Context(correlation_id="order-7")):
        log.info("user created", user_id=7)

    line = written.line()
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset().total_seconds() == 0
    assert line == {
        "level": "INFO",
        "logger": "shop.till",
        "message": "user created",
        "service": "shop",
        "version": "1.0.0",
        "environment": "test",
        "correlation_id": "order-7",
        "user_id": 7,
    }


def test_the_standard_library_logs_in_the_same_shape(written):
    log.info("paid", amount=3)
    stdlib.info("paid", extra={"amount": 3})

    ours, theirs = written.lines()
    assert list(ours) == list(theirs)
    assert ours["amount"] == theirs["amount"] == 3


def test_a_structlog_logger_that_is_not_ours_logs_in_the_same_shape(written):
    structlog.get_logger("shop.third_party").info("paid", amount=3)

    assert written.line()["message"] == "paid"
    assert written.line()["amount"] == 3


def test_outside_a_request_there_is_no_correlation_id(written):
    log.info("started")

    assert written.line()["correlation_id"] is None


@pytest.mark.parametrize(
    ("method", "level"),
    [
        ("info", "INFO"),
        ("warning", "WARNING"),
        ("warn", "WARNING"),
        ("error", "ERROR"),
        ("err", "ERROR"),
        ("critical", "CRITICAL"),
        ("fatal", "CRITICAL"),
    ],
)
def test_each_level_has_its_method(written, method, level):
    getattr(log, method)("seen")

    assert written.line()["level"] == level


def test_what_is_below_the_level_is_not_logged(written):
    log.debug("hidden")
    stdlib.setLevel(logging.ERROR)
    get_logger("shop.stdlib").warning("hidden")

    assert written.getvalue() == ""


def test_the_level_can_change_while_the_service_runs(written):
    logging.getLogger("shop.till").setLevel(logging.DEBUG)

    log.debug("shown")
    log.log(logging.DEBUG, "shown")

    assert [line["level"] for line in written.lines()] == ["DEBUG", "DEBUG"]


def test_arguments_are_put_into_the_message(written):
    log.info("%s paid %d", "jo", 3)

    assert written.line()["message"] == "jo paid 3"


def test_bound_fields_are_in_every_line_until_they_are_unbound(written):
    bound = log.bind(order=7)

    bound.info("placed", status="new")
    bound.unbind("order").info("forgotten")
    get_logger("shop.till", order=8).info("placed")

    assert [line.get("order") for line in written.lines()] == [7, None, 8]
    assert written.lines()[0]["status"] == "new"


def test_fields_bound_to_the_context_of_structlog_are_logged(written):
    with structlog.contextvars.bound_contextvars(tenant="acme"):
        log.info("placed")
        stdlib.info("placed")

    assert [line["tenant"] for line in written.lines()] == ["acme", "acme"]


def test_a_field_cannot_take_the_place_of_a_key_of_the_line(written):
    log.info("placed", level="forged", service="forged", message="forged", logger="forged")

    line = written.line()
    assert (line["level"], line["service"], line["message"]) == ("INFO", "shop", "placed")
    assert line["level_"] == line["service_"] == line["message_"] == line["logger_"] == "forged"


def test_a_field_may_be_called_event_or_self(written):
    log.info("placed", event="order.placed", self="me")

    assert written.line()["event"] == "order.placed"


def test_an_exception_is_logged_with_its_traceback(written):
    try:
        {}["lamp"]
    except KeyError:
        log.exception("lookup failed", shelf=3)

    line = written.line()
    assert line["level"] == "ERROR"
    assert line["exception"].startswith("Traceback (most recent call last):")
    assert "KeyError: 'lamp'" in line["exception"]
    assert line["shelf"] == 3


def test_an_exception_may_be_given(written):
    error = ValueError("dark")

    log.warning("no light", exc_info=error)
    log.warning("no light", exc_info=(ValueError, error, None))
    log.warning("no light")

    first, second, third = written.lines()
    assert "ValueError: dark" in first["exception"]
    assert "ValueError: dark" in second["exception"]
    assert "exception" not in third


def test_an_exception_of_the_standard_library_brings_its_cause_and_its_stack(written):
    def fail() -> None:
        try:
            {}["cause"]
        except KeyError as error:
            raise ValueError("effect") from error

    try:
        fail()
    except ValueError:
        stdlib.exception("failed", stack_info=True)

    text = written.line()["exception"]
    assert text.index("KeyError: 'cause'") < text.index("ValueError: effect")
    assert "Stack (most recent call last):" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_is_logged_it_is_one_line_of_json(written, text):
    stdlib.error("%s", text, extra={"field": text, text: text})

    output = written.getvalue()
    assert len(output.splitlines()) == 1
    assert not any(character in output for character in "\x1b\x7f\x9b\x85\u2028\u202e\u2066\u061c")
    assert written.line()["level"] == "ERROR"


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\ud800" not in text])
def test_nothing_is_lost_of_what_is_logged(written, text):
    log.info("seen", field=text)

    assert written.line()["field"] == text


@given(st.text(), st.dictionaries(st.text(), st.text() | st.floats() | st.integers() | st.binary()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_message_with_any_fields_is_one_line_of_json(written, message, fields):
    written.clear()

    log.bind(**fields).info(message)

    assert len(written.getvalue().splitlines()) == 1
    assert written.line()["service"] == "shop"


@pytest.mark.parametrize(
    "value",
    [
        Unrepresentable(),
        {"a": Unrepresentable()},
        {Unrepresentable(): 1},
        [Unrepresentable()],
        Text("x"),
        10**400,
        float("nan"),
        b"\xff",
        {"a": {1, 2}},
        RecursionError(Unrepresentable()),
        threading.Lock(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_value_can_make_logging_fail(written, value):
    log.info("seen", field=value)
    stdlib.info("seen %s", value, extra={"field": value})

    assert len(written.lines()) == 2


def test_half_a_character_is_written_as_its_code(written):
    log.info("seen", words=["a\ud800", 1], names={"b\udfff": "c"})

    line = written.line()
    assert line["words"] == ["a\\ud800", 1]
    assert line["names"] == {"b\\udfff": "c"}


def test_a_value_that_contains_itself_is_cut(written):
    knot: list = []
    knot.append(knot)

    log.info("seen", field=knot)

    assert "too deep" in json.dumps(written.line()["field"])


@pytest.mark.parametrize("arguments", [("%d", "x"), ("%s %s", "x"), ("no place", "x")])
def test_arguments_that_do_not_fit_do_not_lose_the_line(written, arguments):
    stdlib.info(*arguments)
    log.info(*arguments)

    assert [arguments[0] in line["message"] for line in written.lines()] == [True, True]


def test_a_message_need_not_be_text(written):
    stdlib.info(ValueError("dark"))
    log.info({"a": 1})

    assert [line["message"] for line in written.lines()] == ["dark", "{'a': 1}"]


def test_a_message_that_cannot_be_read_is_replaced_by_an_apology(written):
    stdlib.info(Unrepresentable(), "argument")

    line = written.line()
    assert "could not be rendered: RuntimeError" in line["message"]
    assert (line["logger"], line["service"]) == ("shop.stdlib", "shop")


def test_a_standard_output_that_is_gone_fails_no_request(monkeypatch, written):
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    log.info("unheard")

    assert "AttributeError" in sys.stderr.getvalue()


def test_lines_are_utf_8_whatever_the_locale(monkeypatch, written):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)

    log.info("Gespräch 🎻")

    assert json.loads(stream.buffer.getvalue().decode("utf-8"))["message"] == "Gespräch 🎻"


def test_the_output_may_be_redirected_after_the_handler_was_made(capsys):
    handler = StandardOutput()
    handler.setFormatter(JSONFormatter(service="shop", version="1", environment="test"))

    handler.emit(logging.makeLogRecord({"msg": "here", "name": "a"}))

    assert json.loads(capsys.readouterr().out)["message"] == "here"


def test_long_text_is_cut_in_the_middle(written):
    log.info("x" * 1_000_000, field="a" + "y" * 1_000_000 + "z")

    line = written.line()
    assert len(line["message"]) < 5_000
    assert line["field"].startswith("ayy")
    assert "characters" in line["field"]


def test_long_collections_are_cut(written):
    log.info("seen", numbers=list(range(10_000)), names=dict.fromkeys(map(str, range(10_000))))

    line = written.line()
    assert len(line["numbers"]) == len(line["names"]) == 100


def test_a_whole_request_is_not_a_field(written):
    stdlib.error("Not Found", extra={"request": object(), "status_code": 404})

    line = written.line()
    assert "request" not in line
    assert line["status_code"] == 404


def test_lines_of_many_threads_do_not_mix(written):
    def work() -> None:
        for number in range(50):
            log.info("tick", number=number, padding="x" * 500)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(written.lines()) == 200


def test_the_logging_of_a_service_is_derived_from_its_settings():
    given = {"SERVICE_NAME": "shop", "SECRET_KEY": "k", "SERVICE_ENVIRONMENT": "test"}
    env = ServiceSettings.load(given)

    assert logs.configure_dict(env) == derive.logging(env)


def test_the_source_calls_it_a_structured_logger():
    assert isinstance(StructuredLogger("shop.till"), logs.Logger)


class Lying(dict):
    def items(self):
        raise RuntimeError("no")


def test_a_value_that_cannot_be_looked_into_does_not_lose_the_line(written):
    log.info("seen", field=Lying(a=1), other=1)

    line = written.line()
    assert (line["message"], line["other"]) == ("seen", 1)
    assert "RuntimeError" in line["field"]


def test_the_name_of_a_field_is_cut_and_redacted_like_its_value(written):
    log.info("seen", field={"x" * 1_000_000: 1, "jo@shop.example": 2, "password" * 100_000: "p"})

    first, second, third = written.line()["field"].items()
    assert len(first[0]) < 300
    assert second == ("********@shop.example", 2)
    assert len(third[0]) < 300
    assert third[1] == "********"


def test_a_card_number_is_hidden_also_where_it_is_a_number(written):
    log.info("paid", source=4111111111111111, sources=[4111111111111111], order=4111111111111112)

    line = written.line()
    assert (line["source"], line["sources"]) == ("********", ["********"])
    assert line["order"] == 4111111111111112


def test_a_field_cannot_forge_the_correlation_id(written):
    with context.running(context.Context(correlation_id="order-7")):
        log.info("placed", correlation_id="forged")

    line = written.line()
    assert (line["correlation_id"], line["correlation_id_"]) == ("order-7", "forged")


def test_an_output_that_is_closed_fails_no_request_and_shows_no_secret(monkeypatch, written):
    monkeypatch.setattr("logging.raiseExceptions", True)
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    stdlib.error("password=%s", "hunter2")

    assert "ValueError" in sys.stderr.getvalue()
    assert "hunter2" not in sys.stderr.getvalue()


def test_nothing_fails_where_every_output_is_closed(monkeypatch, written):
    monkeypatch.setattr("logging.raiseExceptions", True)
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    monkeypatch.setattr(sys, "stderr", closed)

    stdlib.error("unheard")

    assert closed.closed


def test_without_an_exception_there_is_no_traceback(written):
    log.error("nothing is being handled", exc_info=True)  # noqa: LOG014 - the case in question
    stdlib.error("nothing is being handled", exc_info=True)

    assert [line.get("exception") for line in written.lines()] == [None, None]
