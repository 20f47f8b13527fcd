"""What dead processes leave behind, and who puts it away."""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import random
import re
import subprocess
import sys
import time

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from quintet.telemetry.metrics import archive
from quintet.telemetry.metrics.breath import Breath
from quintet.telemetry.metrics.pages import FilePage
from quintet.telemetry.metrics.shelf import Shelf
from quintet.telemetry.metrics.sources import Sources
from quintet.telemetry.metrics.text import Text
from quintet.telemetry.metrics.tidying import tidy
from tests.telemetry.metrics.reading import samples

START = """
import os, sys
from pathlib import Path
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.samples import Exemplar
from quintet.telemetry.metrics import ledger, values
from quintet.telemetry.metrics.pages import FilePage
from quintet.telemetry.metrics.shelf import Shelf
from quintet.telemetry.metrics.tidying import tidy
values.install()
values.announce()
LAMPS = Counter("lamps_total", "Lamps sold.", ["room"])
TOOK = Histogram("took", "How long.", buckets=(0.1, 1.0))
MODES = ("max", "mostrecent", "livesum", "all")
LEVELS = {mode: Gauge(f"level_{mode}", "High.", multiprocess_mode=mode) for mode in MODES}

def count(number):
    LAMPS.labels("hall").inc(number)
    LAMPS.labels(f"only in {number}").inc()
    TOOK.observe(number, {"trace_id": "4bf9"})
    for level in LEVELS.values():
        level.set(number)
"""

EVERY_MODE = {
    ("lamps_total", ("room", "hall")): 6.0,
    ("lamps_total", ("room", "only in 1")): 1.0,
    ("lamps_total", ("room", "only in 2")): 1.0,
    ("lamps_total", ("room", "only in 3")): 1.0,
    ("took_bucket", ("le", "0.1")): 0.0,
    ("took_bucket", ("le", "1.0")): 1.0,
    ("took_bucket", ("le", "+Inf")): 3.0,
    ("took_count",): 3.0,
    ("took_sum",): 6.0,
    ("level_max",): 3.0,
    ("level_mostrecent",): 3.0,
}
"""What stays when processes that have counted 1, 2 and 3 are dead."""

DEATHS = """
import json, os, shutil, sys, tempfile
from pathlib import Path
from quintet.telemetry.metrics import archive
from quintet.telemetry.metrics.breath import Breath
from quintet.telemetry.metrics.pages import FilePage
from quintet.telemetry.metrics.shelf import Shelf
from quintet.telemetry.metrics.sources import Sources
from quintet.telemetry.metrics.text import Text
from quintet.telemetry.metrics.tidying import tidy

def read(shelf):
    sources = Sources(shelf)
    sums = sources.add_up(Breath())
    return Text(sources.index, sums, openmetrics=False, breath=Breath()).written()

def dying(step):
    '''Die before the step-th thing that is done to a file.'''
    done = 0
    def watch(event, arguments):
        nonlocal done
        if event in {"open", "os.rename", "os.remove"} and ".lock" not in str(arguments[0]):
            done += 1
            if done == step:
                os.kill(os.getpid(), 9)
    return watch

left, step, ended = Path(sys.argv[1]), 0, 9
while ended == 9:
    step += 1
    with tempfile.TemporaryDirectory() as scratch:
        shelf = Shelf(Path(shutil.copytree(left, Path(scratch) / "shelf")))
        child = os.fork()
        if child == 0:
            sys.addaudithook(dying(step))
            tidy(shelf)
            os._exit(0)
        ended = os.waitpid(child, 0)[1]
        found = read(shelf)
        tidy(shelf)
        print(json.dumps([found, read(shelf), sorted(os.listdir(shelf.directory))]))
"""


class Directory:
    """A shelf that other processes count on."""

    def __init__(self, path):
        self.path = path
        self.shelf = Shelf(path)
        self.sources = Sources(self.shelf)

    def run(self, code, *arguments, start=START, check=True):
        return subprocess.run(
            [sys.executable, "-c", start + code, *arguments],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(self.path)},
            check=check,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def read(self):
        """What is scraped, without a look for the dead."""
        sums = self.sources.add_up(Breath())
        text = Text(self.sources.index, sums, openmetrics=False, breath=Breath()).written()
        return samples(text)

    def read_by_library(self):
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self.path))
        return samples(generate_latest(registry).decode())

    def names(self):
        return sorted(path.name for path in self.path.iterdir() if path.suffix != ".lock")


@pytest.fixture
def directory(tmp_path):
    return Directory(tmp_path)


@pytest.fixture
def left(directory):
    """What three processes have left that were killed."""
    for number in "123":
        directory.run("count(int(sys.argv[1])); os.kill(os.getpid(), 9)", number, check=False)
    return directory


ONE_OF_EACH = [
    "counter",
    "gauge_max",
    "gauge_mostrecent",
    "histogram",
]


def kinds(names):
    """The kinds of the pages that are put away; what is none of them stands for itself."""
    return sorted(re.sub(r"_dead-\w{16}\.db$", "", name) for name in names)


def test_what_the_dead_have_counted_stays_in_one_file_for_each_kind(left):
    tidy(left.shelf)

    assert kinds(left.names()) == ONE_OF_EACH
    assert left.read() == EVERY_MODE
    assert left.read_by_library() == EVERY_MODE


def test_who_lives_is_left_alone_and_counts_on(directory):
    directory.run("""
count(1)
child = os.fork()
if child == 0:
    count(2)
    os._exit(0)
os.waitpid(child, 0)
tidy(Shelf(ledger.directory()))
assert len(list(ledger.directory().glob(f"*_{os.getpid()}.db"))) == 6
assert not list(ledger.directory().glob(f"*_{child}.db"))
count(3)
""")

    assert directory.read()["lamps_total", ("room", "hall")] == 6
    tidy(directory.shelf)
    assert kinds(directory.names()) == ONE_OF_EACH
    assert directory.read()["lamps_total", ("room", "hall")] == 6
    assert directory.read()["took_sum",] == 6


def test_a_process_lives_while_a_child_of_it_does_not_count(directory):
    """Its lock is not given back by a child that closes what it has inherited."""
    directory.run("""
count(1)
child = os.fork()
if child == 0:
    count(2)
    tidy(Shelf(ledger.directory()))
    assert list(ledger.directory().glob(f"counter_{os.getppid()}.db"))
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
count(3)
""")

    assert directory.read()["lamps_total", ("room", "hall")] == 6


def test_hundreds_of_processes_leave_no_hundreds_of_files(directory):
    directory.run("""
for number in range(300):
    child = os.fork()
    if child == 0:
        LAMPS.labels("hall").inc()
        os._exit(0)
    os.waitpid(child, 0)
    tidy(Shelf(ledger.directory()))
    assert len(os.listdir(ledger.directory())) < 20
""")

    assert directory.read()["lamps_total", ("room", "hall")] == 300


def test_an_id_that_is_used_again_takes_nobodys_numbers_away(directory):
    """Also while the dead namesake has not been put away yet."""
    directory.run("""
class Pid:
    def __call__(self):
        return 4711
os.getpid = Pid()
for number in (1, 2, 3):
    child = os.fork()
    if child == 0:
        count(number)
        os._exit(0)
    os.waitpid(child, 0)
""")
    assert directory.read()["lamps_total", ("room", "hall")] == 6

    tidy(directory.shelf)

    assert directory.read()["lamps_total", ("room", "hall")] == 6
    assert directory.read()["took_count",] == 3


def test_a_death_while_it_is_put_away_neither_loses_nor_doubles_a_number(directory):
    """A process is killed before each thing that it does to a file, one after another."""
    directory.run("count(1); os.kill(os.getpid(), 9)", check=False)
    tidy(directory.shelf)
    for number in "23":
        directory.run("count(int(sys.argv[1])); os.kill(os.getpid(), 9)", number, check=False)

    deaths = directory.run(DEATHS, str(directory.path), start="").stdout.splitlines()

    assert len(deaths) > 60
    for found, after, files in map(json.loads, deaths):
        kept = {name: number for name, number in samples(found).items() if name in EVERY_MODE}
        assert kept == EVERY_MODE
        assert samples(after) == EVERY_MODE
        assert kinds(name for name in files if name.endswith(".db")) == ONE_OF_EACH


def test_a_page_of_the_librarys_own_classes_is_left_to_whoever_made_it(directory):
    code = 'from prometheus_client import Counter; Counter("lamps_total", "Lamps.").inc(7)'
    directory.run(code, start="")
    before = directory.names()

    tidy(directory.shelf)

    assert directory.names() == before
    assert directory.read() == {("lamps_total",): 7.0}


def test_what_somebody_has_begun_long_ago_and_not_finished_is_removed(left):
    for name, age in (("counter_1-aa.new", 61), ("counter_2-bb.new", 1)):
        (left.path / name).write_bytes(b"half of")
        os.utime(left.path / name, (time.time() - age,) * 2)

    tidy(left.shelf)

    assert [name for name in left.names() if name.endswith(".new")] == ["counter_2-bb.new"]


def test_while_somebody_has_the_shelf_alone_nothing_is_put_away(left):
    before = left.names()

    with Shelf(left.path).moving():
        tidy(left.shelf)

    assert left.names() == before


def test_a_full_disk_is_told_of_and_loses_nothing(left, monkeypatch, caplog):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive, "absorb", full)

    with caplog.at_level(logging.WARNING):
        tidy(left.shelf)

    assert "could not be put away" in caplog.text
    assert left.read() == EVERY_MODE


def test_a_directory_that_is_gone_is_no_reason_to_raise(tmp_path):
    tidy(Shelf(tmp_path / "nowhere"))


def test_of_a_broken_page_what_can_be_read_is_kept(left, caplog):
    victim = next(left.path.glob("counter_*.db"))
    written = bytearray(victim.read_bytes())
    used = int.from_bytes(written[:4], sys.byteorder)
    written[used : used + 8] = (900).to_bytes(8, sys.byteorder)
    written[:4] = (used + 8).to_bytes(4, sys.byteorder)
    victim.write_bytes(written)

    with caplog.at_level(logging.ERROR):
        tidy(left.shelf)

    assert "a page of metrics is broken" in caplog.text
    assert left.read() == EVERY_MODE


def test_a_page_that_is_no_page_takes_nothing_with_it(left):
    victim = next(left.path.glob("counter_*.db"))
    victim.write_bytes((1 << 30).to_bytes(4, sys.byteorder) + b"Q123" + b"junk")

    tidy(left.shelf)

    assert left.read()["took_count",] == 3


def test_the_dead_are_many_and_their_label_sets_are_not(directory, monkeypatch):
    """What a service labels with something that never ends is told apart up to a limit."""
    monkeypatch.setattr(archive, "MOST_KEYS", 10)
    for number in range(4):
        directory.run(
            "[LAMPS.labels(f'{sys.argv[1]}-{room}').inc() for room in range(5)]", str(number)
        )

    tidy(directory.shelf)

    found = {name: n for name, n in directory.read().items() if name[0] == "lamps_total"}
    assert len(found) == 11
    assert found["lamps_total", ("room", "<overflow>")] == 10


def test_the_buckets_of_overflowing_label_sets_stay_buckets(directory, monkeypatch):
    monkeypatch.setattr(archive, "MOST_KEYS", 0)
    directory.run("[TOOK.observe(seconds) for seconds in (0.05, 0.5, 5, 5)]")
    directory.run("TOOK.observe(0.05)")

    tidy(directory.shelf)

    ends = {name[1][1]: n for name, n in directory.read().items() if name[0] == "took_bucket"}
    assert ends == {"0.1": 2, "1.0": 3, "+Inf": 5}


def test_a_sum_never_falls_not_even_by_its_last_bit(directory):
    """A counter that falls has been set back, for Prometheus, and its rate leaps."""
    chance = random.Random(7)  # noqa: S311 - the same each time
    key = json.dumps(["took", "took_sum", {}, "How long."])
    pages, seen = [], []

    for _ in range(300):
        if len(pages) < 4:
            pages.append(FilePage(directory.path, "histogram"))
        page = chance.choice(pages)
        page.numbers[page.place(key)] += chance.uniform(0, 10) ** chance.randint(-6, 3)
        seen.append(directory.read()["took_sum",])
        if chance.random() < 0.2:
            pages.pop(chance.randrange(len(pages))).close()
            tidy(directory.shelf)
            seen.append(directory.read()["took_sum",])
    for page in pages:
        page.close()

    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([math.inf, 1.5], math.inf),
        ([math.inf, -math.inf], math.nan),
        ([1.5, math.nan], math.nan),
        ([1e308, 1e308, 0.5], math.inf),
        ([0.1] * 10, 1.0),
    ],
)
def test_a_sum_of_anything_is_a_number_of_some_kind(directory, numbers, expected):
    key = json.dumps(["level", "level", {}, "High."])
    pages = [FilePage(directory.path, "gauge_sum") for _ in numbers]
    for page, number in zip(pages, numbers, strict=True):
        page.numbers[page.place(key)] = number

    found = directory.read()["level",]

    assert repr(found) == repr(expected)
    for page in pages:
        page.close()
