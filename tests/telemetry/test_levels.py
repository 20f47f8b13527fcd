"""Lines by their level."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import REGISTRY

from quintet.telemetry import levels, metrics
from quintet.telemetry.direct import DirectLogger
from quintet.telemetry.logs import get_logger
from tests.telemetry.metrics.reading import switched


@pytest.fixture(autouse=True)
def counting():
    switched()
    yield
    levels.counters.feed({})


def counted(level):
    return REGISTRY.get_sample_value("log_messages_total", {"level": level})


def test_a_line_is_counted_by_its_level_whoever_wrote_it(written):
    before = counted("INFO"), counted("ERROR")

    get_logger("shop").info("bought")
    logging.getLogger("shop.stock").error("broken")
    DirectLogger("shop.access").log(logging.INFO, "request", {})

    assert (counted("INFO"), counted("ERROR")) == (before[0] + 2, before[1] + 1)


def test_what_is_not_written_is_not_counted(written):
    before = counted("DEBUG")

    get_logger("shop").debug("thought about it")

    assert counted("DEBUG") == before


def test_a_level_that_somebody_made_up_makes_no_series(written):
    logging.getLogger("shop").log(35, "a notice")

    assert counted("Level 35") is None
    assert len(written.lines()) == 1


def test_with_metrics_off_a_line_is_written_and_not_counted(written):
    before = counted("INFO")
    switched(ENABLE_METRICS="off")

    get_logger("shop").info("bought")

    assert counted("INFO") == before
    assert len(written.lines()) == 1
    assert not metrics.enabled()
