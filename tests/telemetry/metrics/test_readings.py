"""Numbers that are read when somebody scrapes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from prometheus_client import REGISTRY

from quintet.telemetry import metrics

PROCESS = """
from quintet.telemetry import metrics
metrics.read_at_scrape("lamps", "Lamps that burn.", read=lambda: 7)
print(metrics.exposition()[0].decode())
"""


@pytest.fixture
def offered():
    """Offer a number, and take it back after the test."""
    made = []

    def offer(read):
        made.append(metrics.read_at_scrape("lamps", "Lamps that burn.", read=read))

    yield offer
    for reading in made:
        REGISTRY.unregister(reading)
        metrics.Reading.all.remove(reading)


def told():
    return metrics.exposition()[0].decode().splitlines()


def test_the_number_is_read_at_each_scrape(offered):
    burning = iter([7, 8])
    offered(lambda: next(burning))

    assert "lamps 7.0" in told()
    assert "lamps 8.0" in told()


def test_offering_a_number_does_not_read_it(offered):
    def read():
        raise AssertionError

    offered(read)


def test_a_source_that_fails_leaves_a_gap_and_the_other_metrics_are_there(offered):
    def read():
        raise ConnectionError

    offered(read)

    lines = told()
    assert [line for line in lines if line.startswith("lamps ")] == []
    assert "# TYPE http_requests_total counter" in lines


def test_a_number_is_told_once_where_several_processes_are_added_up(tmp_path):
    shown = subprocess.run(
        [sys.executable, "-c", PROCESS],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert shown.splitlines().count("lamps 7.0") == 1
