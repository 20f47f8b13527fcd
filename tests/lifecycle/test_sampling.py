from __future__ import annotations

import pytest

from quintet import conf
from quintet.lifecycle import resources, sampling
from quintet.lifecycle.resources import Share
from quintet.lifecycle.sampling import Sampler
from quintet.lifecycle.turns import Turn
from quintet.telemetry import metrics, output


@pytest.fixture
def machine(monkeypatch):
    """What can be read, in percent; a test may change it."""
    read = {"memory": 10.0, "disk": 10.0, "files": 10.0, "processes": 10.0, "cpu": 10.0}
    for name in ("memory", "disk", "files", "processes"):
        monkeypatch.setattr(resources, name, lambda name=name: Share(read[name], 100.0))
    monkeypatch.setattr(resources.CPUMeter, "percent", lambda _: read["cpu"])
    monkeypatch.setattr(Sampler, "cpu_percent", 0.0)
    return read


@pytest.fixture
def sampler(machine):
    return Sampler(conf.current(), folder=None)


def said(captured_logs):
    lines = [line for line in captured_logs if "resource" in line]
    return [(line["resource"], line["message"]) for line in lines]


@pytest.mark.parametrize(
    ("name", "percent"),
    [("memory", 86), ("disk", 91), ("cpu", 81), ("files", 81), ("processes", 81)],
)
def test_what_runs_short_is_said_once_and_so_is_its_end(
    sampler, machine, captured_logs, name, percent
):
    machine[name] = percent
    for _ in range(5):
        sampler.look()
    machine[name] = 10.0
    sampler.look()

    assert said(captured_logs) == [(name, "a resource runs short"), (name, "a resource is back")]
    first = next(line for line in captured_logs if "resource" in line)
    assert (first["percent"], first["level"]) == (percent, "WARNING")


def test_what_all_processes_see_is_said_by_one_of_them(machine, tmp_path, captured_logs):
    speaker = Turn("monitor", tmp_path)
    speaker.take()
    silent = Sampler(conf.current(), folder=tmp_path)

    machine |= {"memory": 99.0, "files": 99.0}
    for _ in range(3):
        silent.look()
    machine |= {"memory": 10.0, "files": 10.0}
    silent.look()

    speaker.give_back()
    assert {name for name, _ in said(captured_logs)} == {"files"}


def test_where_processes_are_not_limited_nothing_is_said_of_them(
    sampler, monkeypatch, captured_logs
):
    monkeypatch.setattr(resources, "processes", lambda: None)

    for _ in range(3):
        sampler.look()

    assert said(captured_logs) == []


def scraped() -> dict[str, float]:
    lines = metrics.exposition()[0].decode().splitlines()
    rows = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def test_the_readings_can_be_scraped(sampler, machine):
    machine |= {"cpu": 61.0, "memory": 62.0, "disk": 63.0}

    sampler.look()

    found = scraped()
    assert found["container_cpu_percent"] == 61.0
    assert found["container_memory_percent"] == found["container_memory_bytes"] == 62.0
    assert found["container_disk_percent"] == 63.0


def test_lost_lines_are_counted_once_each(sampler, monkeypatch):
    before = sampling.LOST_LINES._value.get()
    for lost in (5, 5, 7, 1):  # a forked process begins at 0 again
        monkeypatch.setattr(output, "lost", lambda lost=lost: lost)
        sampler.look()

    assert sampling.LOST_LINES._value.get() - before == 7


def test_a_real_process_can_be_read():
    Sampler(conf.current(), folder=None).look()
