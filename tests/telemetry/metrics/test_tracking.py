"""How long functions take."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import REGISTRY

from quintet.telemetry import metrics
from quintet.telemetry.metrics import tracking
from tests.telemetry.metrics.reading import switched


@pytest.fixture
def unconfigured(monkeypatch):
    """A process that has not read its settings yet."""
    monkeypatch.setattr(tracking._Stopwatch, "bounds", None)
    monkeypatch.setattr(tracking._Stopwatch, "all", {})


def buckets(name):
    families = [f for f in REGISTRY.collect() if f.name == f"{name}_duration_seconds"]
    return [s.labels["le"] for f in families for s in f.samples if s.name.endswith("_bucket")]


def test_the_time_of_a_function_is_measured_also_when_it_fails():
    @metrics.track_execution_time("till_division")
    def divide(left: int, right: int) -> float:
        """Divide."""
        return left / right

    assert divide(4, right=2) == 2
    with pytest.raises(ZeroDivisionError):
        divide(4, 0)

    assert REGISTRY.get_sample_value("till_division_duration_seconds_count") == 2
    assert (divide.__name__, divide.__doc__) == ("divide", "Divide.")


def test_the_time_of_a_coroutine_is_the_time_until_it_is_done():
    done = []

    @metrics.track_execution_time("till_waiting")
    async def wait() -> str:
        await asyncio.sleep(0)
        done.append(REGISTRY.get_sample_value("till_waiting_duration_seconds_count"))
        return "done"

    switched()
    assert asyncio.run(wait()) == "done"
    assert done == [0]
    assert REGISTRY.get_sample_value("till_waiting_duration_seconds_count") == 1


def test_two_functions_may_share_a_name():
    @metrics.track_execution_time("till_shared")
    def first() -> None: ...

    @metrics.track_execution_time("till_shared")
    def second() -> None: ...

    first()
    second()

    assert REGISTRY.get_sample_value("till_shared_duration_seconds_count") == 2


def test_a_tracked_function_runs_also_when_metrics_are_off():
    @metrics.track_execution_time("till_unmeasured")
    def work() -> int:
        return 7

    switched(ENABLE_METRICS="off")

    assert work() == 7
    assert REGISTRY.get_sample_value("till_unmeasured_duration_seconds_count") == 0


def test_the_buckets_are_those_of_the_settings_whenever_the_function_was_written(unconfigured):
    @metrics.track_execution_time("till_early")
    def early() -> None: ...

    switched(SLO_SECONDS="0.2,3")

    @metrics.track_execution_time("till_late")
    def late() -> None: ...

    assert buckets("till_early") == ["0.2", "3.0", "+Inf"]
    assert buckets("till_late") == ["0.2", "3.0", "+Inf"]


def test_a_function_that_runs_before_there_are_settings_is_measured_all_the_same(unconfigured):
    @metrics.track_execution_time("till_hasty")
    def hasty() -> None: ...

    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            pool.submit(hasty)

    assert REGISTRY.get_sample_value("till_hasty_duration_seconds_count") == 20
