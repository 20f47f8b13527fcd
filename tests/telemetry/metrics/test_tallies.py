"""Counting requests, and how many series that can make."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import CollectorRegistry

from quintet.telemetry.metrics import values
from quintet.telemetry.metrics.catalogue import Count, Durations
from quintet.telemetry.metrics.series import OVERFLOW
from quintet.telemetry.metrics.tallies import Requests


class Counted:
    """Two metrics of requests, and what they hold."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.count = Count(
            "seen", "Seen.", ["method", "endpoint", "status"], registry=self.registry
        )
        self.durations = Durations(
            "took", "How long.", ["method", "endpoint"], buckets=(0.1, 1.0), registry=self.registry
        )
        self.requests = Requests(self.count, self.durations, limit=10)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def series(self) -> set[tuple[str, ...]]:
        return {
            (sample.labels["method"], sample.labels["endpoint"], sample.labels["status"])
            for family in self.count.collect()
            for sample in family.samples
            if sample.name == "seen_total"
        }


@pytest.fixture
def counted():
    return Counted()


def test_a_request_moves_its_count_its_seconds_and_one_bucket(counted):
    counted.requests.tally("GET", "/", 200).add(0.5)
    counted.requests.tally("GET", "/", 404).add(0.25)

    assert counted.value("seen_total", method="GET", endpoint="/", status="200") == 1
    assert counted.value("took_count", method="GET", endpoint="/") == 2
    assert counted.value("took_sum", method="GET", endpoint="/") == 0.75
    assert counted.value("took_bucket", method="GET", endpoint="/", le="0.1") == 0
    assert counted.value("took_bucket", method="GET", endpoint="/", le="1.0") == 2


@pytest.mark.parametrize(
    ("seconds", "le"), [(0.0, "0.1"), (0.1, "0.1"), (0.1001, "1.0"), (1.0, "1.0"), (9.0, "+Inf")]
)
def test_a_bucket_holds_its_upper_end(counted, seconds, le):
    counted.requests.tally("GET", "/", 200).add(seconds)

    held = {
        end: counted.value("took_bucket", method="GET", endpoint="/", le=end)
        for end in ("0.1", "1.0", "+Inf")
    }
    assert min(held, key=lambda end: (held[end] == 0, float(end))) == le


def test_what_is_counted_here_and_on_the_metric_itself_is_one_number(counted):
    counted.requests.tally("GET", "/", 200).add(0.5)
    counted.count.labels("GET", "/", "200").inc()
    counted.durations.labels("GET", "/").observe(0.5)

    assert counted.value("seen_total", method="GET", endpoint="/", status="200") == 2
    assert counted.value("took_sum", method="GET", endpoint="/") == 1.0


def test_a_trace_stands_for_the_bucket_of_its_request(counted):
    counted.requests.tally("GET", "/", 200).add(0.5, "4bf9")

    kept = [
        (sample.labels["le"], sample.exemplar.labels, sample.exemplar.value)
        for family in counted.durations.collect()
        for sample in family.samples
        if sample.exemplar
    ]
    assert kept == [("1.0", {"trace_id": "4bf9"}, 0.5)]


def test_any_number_of_urls_makes_a_bounded_number_of_series(counted):
    for number in range(10_000):
        counted.requests.tally("GET", f"/{number}/", 200).add(0.5)

    assert len(counted.series()) == 11
    assert counted.value("seen_total", method="OTHER", endpoint=OVERFLOW, status="200") == 9_990
    assert counted.value("took_count", method="OTHER", endpoint=OVERFLOW) == 9_990


def test_failures_are_still_seen_beyond_the_limit(counted):
    for number in range(100):
        counted.requests.tally("GET", f"/{number}/", 500 if number % 2 else 200).add(0.5)

    assert counted.value("seen_total", method="OTHER", endpoint=OVERFLOW, status="500") == 45


def test_what_is_known_before_the_overflow_stays_itself(counted):
    for number in range(100):
        counted.requests.tally("GET", f"/{number}/", 200)

    counted.requests.tally("GET", "/0/", 200).add(0.5)

    assert counted.value("seen_total", method="GET", endpoint="/0/", status="200") == 1


def test_methods_and_statuses_that_nobody_defined_share_a_label(counted):
    for number in range(10_000):
        counted.requests.tally(f"M{number}", "/", 1_000 + number).add(0.5)

    assert counted.series() == {("OTHER", "/", "0")}


def test_a_tally_is_made_once(counted):
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: counted.requests.tally("GET", "/", 200), range(100)))

    assert len(found) == 1


def test_no_count_is_lost_between_threads(counted):
    def count(_: int) -> None:
        for _ in range(500):
            counted.requests.tally("GET", "/threads/", 200).add(0.5)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))

    assert counted.value("seen_total", method="GET", endpoint="/threads/", status="200") == 4_000
    assert counted.value("took_sum", method="GET", endpoint="/threads/") == 2_000


def test_a_trace_makes_room_for_the_next_when_it_is_no_longer_young(counted, monkeypatch):
    tally = counted.requests.tally("GET", "/", 200)
    shown = []
    for moment in (100.0, 100.05, 100.2, 99.0):
        monkeypatch.setattr(values, "time", lambda moment=moment: moment)
        tally.add(0.5, f"{moment}")
        shown.append(
            next(
                sample.exemplar.labels["trace_id"]
                for family in counted.durations.collect()
                for sample in family.samples
                if sample.exemplar
            )
        )

    assert shown == ["100.0", "100.0", "100.2", "99.0"]
