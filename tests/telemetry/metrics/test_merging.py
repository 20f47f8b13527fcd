"""What is scraped is what the library's own reader makes of the same files."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain

from quintet.telemetry.metrics.breath import Breath
from quintet.telemetry.metrics.shelf import Shelf
from quintet.telemetry.metrics.sources import Sources
from quintet.telemetry.metrics.text import Text

COUNT = r"""
import os, sys
from prometheus_client import Counter, Gauge, Histogram, Summary
if sys.argv[1] == "ours":
    from quintet.telemetry.metrics import values
    values.install()
    values.announce()
number = int(sys.argv[2])

lamps = Counter("lamps_total", 'Lamps "sold"\n in C:\\rooms.', ["room", "kind"])
lamps.labels("hall", "old").inc(1e7 * number)
lamps.labels('a "quoted"\nroom \\ é', "").inc(number)
lamps.labels(f"only in {number}", "new").inc(0.1)
Counter("never_total", "Not one.")
Counter("about_total", f"Written differently in {number}.").inc()
took = Histogram("took_seconds", "How long.", ["room"], buckets=(0.1, 1, 2.5))
for seconds in (0.05, 0.1, 2 * number, 100):
    took.labels("hall").observe(seconds)
took.labels(f"only in {number}").observe(number)
Histogram("alone_seconds", "How long.", buckets=(5,)).observe(number)
Summary("paid", "Money.", ["currency"]).labels("eur").observe(2.5 * number)
modes = sorted(Gauge._MULTIPROC_MODES)
for mode in modes:
    gauge = Gauge(f"level_{mode}", f"In mode {mode}.", ["room"], multiprocess_mode=mode)
    gauge.labels("hall").set(number - 2)
    gauge.labels(f"only in {number}").set(float("-inf"))
    Gauge(f"unset_{mode}", "Not set.", multiprocess_mode=mode)
Gauge("odd", "No number.", multiprocess_mode="max").set(float("nan"))
"""


def run(directory, *arguments, code=COUNT):
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(directory)}
    subprocess.run([sys.executable, "-c", code, *arguments], env=environ, check=True, timeout=60)


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A directory that four processes have counted in, one of them with the library's classes."""
    directory = tmp_path_factory.mktemp("counted")
    for number, whose in enumerate(("ours", "library", "ours", "ours"), 1):
        run(directory, whose, str(number))
    return directory


@pytest.fixture
def merged(counted, monkeypatch):
    """The same files, as the library adds them up."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(counted))
    return registry


def families(text, read):
    """What a text says, without the order in which it says it."""
    return {
        family.name: (
            family.documentation,
            family.type,
            {(s.name, *sorted(s.labels.items())): repr(s.value) for s in family.samples},
        )
        for family in read(text.decode())
        if family.samples and family.name != "about"  # whose help is shown is chance
    }


@pytest.mark.parametrize(
    ("library", "read"),
    [
        pytest.param(generate_latest, read_plain, id="plain"),
        pytest.param(generate_openmetrics, read_openmetrics, id="openmetrics"),
    ],
)
def test_the_text_says_what_the_librarys_own_says(counted, merged, library, read):
    theirs = families(library(merged), read)
    sources, modern = Sources(Shelf(counted)), library is generate_openmetrics
    scrapes = [families(scrape(sources, modern=modern), read) for _ in range(2)]

    assert len(theirs) > 20
    assert [difference(ours, theirs) for ours in scrapes] == [{}, {}]


def scrape(sources, *, modern):
    sums = sources.add_up(Breath())
    text = Text(sources.index, sums, openmetrics=modern, breath=Breath()).written()
    return (text + "# EOF\n" if modern else text).encode()


def difference(ours, theirs):
    return {
        name: (ours.get(name), theirs.get(name))
        for name in ours.keys() | theirs.keys()
        if ours.get(name) != theirs.get(name)
    }
