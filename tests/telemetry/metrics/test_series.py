"""The cap that a metric of a service may have as well."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from quintet.telemetry.metrics import OVERFLOW, Series


@pytest.fixture
def registry():
    return CollectorRegistry()


def test_label_sets_beyond_the_limit_share_one(registry):
    orders = Series(Counter("orders", "Placed.", ["shop", "kind"], registry=registry), limit=10)

    for number in range(10_000):
        orders.child(f"shop-{number}", "gift").inc()

    (family,) = registry.collect()
    totals = [sample for sample in family.samples if sample.name == "orders_total"]
    assert len(totals) == 11
    assert totals[-1].labels == {"shop": OVERFLOW, "kind": OVERFLOW}
    assert totals[-1].value == 9_990


def test_what_is_known_before_the_overflow_stays_itself(registry):
    stock = Series(Gauge("stock", "Lamps.", ["shop"], registry=registry), limit=1)
    stock.child("first").set(1)
    stock.child("second").set(2)

    stock.child("first").set(7)

    assert registry.get_sample_value("stock", {"shop": "first"}) == 7


def test_a_child_is_bound_once(registry):
    took = Series(Histogram("took", "How long.", ["shop"], registry=registry))

    assert took.child("first") is took.child("first")


def test_a_wrong_number_of_values_is_a_mistake_of_the_programmer(registry):
    orders = Series(Counter("orders", "Placed.", ["shop"], registry=registry))

    with pytest.raises(ValueError, match="label count"):
        orders.child("first", "second")
