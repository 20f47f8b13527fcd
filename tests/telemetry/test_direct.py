from __future__ import annotations

import json
import logging

import pytest
import structlog

from quintet import context
from quintet.telemetry.direct import DirectLogger, sole_formatter
from quintet.telemetry.logs import JSONFormatter
from quintet.telemetry.output import StandardOutput

NAME = "tests.direct"
FIELDS = {"method": "GET", "status": 200}


@pytest.fixture
def ours():
    """A logger whose only handler is our own, as in a service."""
    handler = StandardOutput()
    handler.setFormatter(JSONFormatter(service="shop", version="2", environment="test"))
    logger = logging.getLogger(NAME)
    before = logger.handlers, logger.propagate, logger.level, logger.filters
    logger.handlers, logger.propagate, logger.filters = [handler], False, []
    logger.setLevel(logging.INFO)
    yield logger
    logger.handlers, logger.propagate, logger.level, logger.filters = before
    logger.manager._clear_cache()


@pytest.fixture
def alone(ours):
    """Without the handlers that pytest adds when a test begins."""

    def only():
        del ours.handlers[1:]
        return ours

    return only


def line(capfd):
    (written,) = capfd.readouterr().out.splitlines()
    return json.loads(written)


def test_a_direct_line_says_what_a_record_would_say(alone, capfd):
    assert sole_formatter(alone(), logging.INFO) is not None

    with context.running(context.new()):
        DirectLogger(NAME).log(logging.INFO, "request", FIELDS)
        direct = line(capfd)
        DirectLogger(NAME)._by_record.log(logging.INFO, "request", **FIELDS)
        recorded = line(capfd)

    assert {**direct, "timestamp": ""} == {**recorded, "timestamp": ""}
    assert list(direct) == list(recorded)


def test_a_line_below_the_level_is_not_written(ours, capfd):
    DirectLogger(NAME).log(logging.DEBUG, "request", FIELDS)

    assert capfd.readouterr().out == ""


def test_whoever_listens_too_gets_a_record(ours, capfd):
    heard = []
    other = logging.Handler()
    other.emit = heard.append
    ours.addHandler(other)

    DirectLogger(NAME).log(logging.INFO, "request", FIELDS)

    assert [record.event_fields for record in heard] == [FIELDS]
    assert line(capfd)["status"] == 200


def test_what_structlog_has_bound_is_in_the_line(ours, capfd):
    structlog.contextvars.bind_contextvars(user=7)
    try:
        DirectLogger(NAME).log(logging.INFO, "request", FIELDS)
    finally:
        structlog.contextvars.clear_contextvars()

    assert line(capfd)["user"] == 7


def test_a_field_that_ends_a_line_elsewhere_is_escaped(alone, capfd):
    alone()

    DirectLogger(NAME).log(logging.INFO, "request", {"path": "/\u2028\x7f\u202e"})

    assert line(capfd)["path"] == "/\u2028\x7f\u202e"


@pytest.mark.parametrize(
    "change",
    [
        lambda logger: logger.addFilter(lambda _: True),
        lambda logger: logger.handlers[0].addFilter(lambda _: True),
        lambda logger: logger.handlers[0].setLevel(logging.ERROR),
        lambda logger: logger.handlers[0].setFormatter(logging.Formatter()),
        lambda logger: logger.addHandler(logging.NullHandler()),
        lambda logger: logger.handlers.clear(),
    ],
)
def test_anything_else_on_the_way_asks_for_records(alone, change):
    ours = alone()
    assert sole_formatter(ours, logging.INFO) is not None

    change(ours)

    assert sole_formatter(ours, logging.INFO) is None


def test_a_handler_further_up_counts(alone):
    logger = logging.getLogger(f"{NAME}.below")
    alone()

    assert sole_formatter(logger, logging.INFO) is not None

    logger.addHandler(logging.NullHandler())
    assert sole_formatter(logger, logging.INFO) is None
    logger.handlers.clear()
