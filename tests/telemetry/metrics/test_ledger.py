"""The numbers of one process, and what a fork, a signal or a full disk does to them.

Each test starts a process of its own: in which ledger a process counts is decided at its import.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from quintet.telemetry.metrics import ledger
from quintet.telemetry.metrics.ledger import Current, FileLedger, MemoryLedger
from quintet.telemetry.metrics.pages import FilePage
from quintet.telemetry.metrics.shelf import Found
from quintet.telemetry.metrics.space import reserve
from quintet.telemetry.metrics.tidying import is_over

START = """
import os, signal, sys
from prometheus_client import Counter, Gauge, Histogram
from quintet.telemetry.metrics import ledger, values
values.install()
LAMPS = Counter("lamps_total", "Lamps sold.", ["room"])
STOCK = Gauge("stock", "Lamps left.", multiprocess_mode="mostrecent")
TOOK = Histogram("took", "How long.", buckets=(0.1, 1.0))
"""


class Counting:
    """A directory of metrics, and the processes that count there."""

    def __init__(self, directory):
        self.directory = directory

    def run(self, code, *, covered=True, **environ):
        command = [sys.executable, "-c", START + code]
        mine = {
            name: value
            for name, value in os.environ.items()
            if covered or not name.startswith("COVERAGE")
        }
        given = {**mine, "PROMETHEUS_MULTIPROC_DIR": str(self.directory), **environ}
        return subprocess.run(
            command, env=given, capture_output=True, text=True, check=True, timeout=60
        )

    def value(self, name, **labels):
        """What the library's own reader adds up."""
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self.directory))
        return registry.get_sample_value(name, labels)


@pytest.fixture
def counting(tmp_path):
    return Counting(tmp_path)


def test_the_library_reads_what_is_written(counting):
    counting.run("LAMPS.labels('hall').inc(3); STOCK.set(7); TOOK.observe(0.5); TOOK.observe(9)")

    assert counting.value("lamps_total", room="hall") == 3
    assert counting.value("stock") == 7
    assert counting.value("took_sum") == 9.5
    assert counting.value("took_bucket", le="1.0") == 1
    assert counting.value("took_count") == 2


def test_a_file_grows_and_what_was_in_it_stays(counting):
    counting.run("for n in range(2_000): LAMPS.labels(f'{n}').inc(n)")

    assert [counting.value("lamps_total", room=f"{n}") for n in (0, 7, 1_999)] == [0, 7, 1_999]


def test_two_metrics_of_one_name_are_one_number(counting):
    counting.run("""
other = Counter("lamps_total", "Lamps sold.", ["room"], registry=None)
LAMPS.labels("hall").inc()
other.labels("hall").inc()
""")

    assert counting.value("lamps_total", room="hall") == 2


def test_a_child_counts_for_itself_and_its_parent_goes_on(counting):
    counting.run("""
LAMPS.labels("hall").inc()
child = os.fork()
if child == 0:
    LAMPS.labels("hall").inc(10)
    grandchild = os.fork()
    if grandchild == 0:
        LAMPS.labels("hall").inc(100)
        os._exit(0)
    os.waitpid(grandchild, 0)
    LAMPS.labels("hall").inc(10)
    os._exit(0)
os.waitpid(child, 0)
LAMPS.labels("hall").inc()
""")

    assert counting.value("lamps_total", room="hall") == 122
    assert len(list(counting.directory.glob("counter_*.db"))) == 3


def test_a_child_that_counts_nothing_makes_no_file(counting):
    counting.run("""
LAMPS.labels("hall").inc()
child = os.fork()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
""")

    assert len(list(counting.directory.glob("*.db"))) == 1


def test_a_child_is_not_stopped_by_a_lock_that_another_thread_held_when_it_was_made(counting):
    """Coverage has a lock of its own, which a fork beside threads may find taken for good."""
    code = """
import threading
stop, hall, inside = threading.Event(), LAMPS.labels("hall"), LAMPS.labels("child")
def count():
    while not stop.is_set():
        hall.inc()
threads = [threading.Thread(target=count) for _ in range(4)]
[thread.start() for thread in threads]
for _ in range(30):
    child = os.fork()
    if child == 0:
        inside.inc()
        os._exit(0)
    os.waitpid(child, 0)
stop.set()
"""
    counting.run(code, covered=False)

    assert counting.value("lamps_total", room="child") == 30


def test_a_signal_handler_may_count_while_its_thread_is_counting(counting):
    """A lock that is not reentrant stands still here."""
    counting.run("""
caught, signalled = 0, LAMPS.labels("signal")
def handler(*_):
    global caught
    caught += 1
    signalled.inc()
    if caught < 2_000:
        signal.setitimer(signal.ITIMER_REAL, 0.0001)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0001)
hall = LAMPS.labels("hall")
while caught < 2_000:
    for _ in range(100):
        hall.inc()
LAMPS.labels("caught").inc(caught)
""")

    assert counting.value("lamps_total", room="signal") >= 2_000
    assert counting.value("lamps_total", room="signal") == counting.value(
        "lamps_total", room="caught"
    )


def test_whoever_counts_in_between_two_steps_of_a_count_loses_nothing(counting):
    """What a finaliser does, done after every single call: the smallest step that there is."""
    counting.run("""
import prometheus_client
names = iter(range(10_000_000))
within = False
def meanwhile(frame, event, argument):
    global within
    if not within and event in {"c_return", "return"}:
        within = True
        number = next(names)
        page, place = ledger.current.ledger.place(Placed(number))
        page.numbers[place] += 1
        within = False

class Placed:
    kind = "counter"
    def __init__(self, number):
        self.number = number
    def key(self):
        return f'["between", "between_total", {{"n": "{self.number}"}}, "In between."]'

LAMPS.labels("hall").inc()
sys.setprofile(meanwhile)
for n in range(20):
    LAMPS.labels(f"{n}").inc()
sys.setprofile(None)
LAMPS.labels("between").inc(next(names))
""")

    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(counting.directory))
    between = [s for f in registry.collect() for s in f.samples if s.name == "between_total"]
    assert [counting.value("lamps_total", room=f"{n}") for n in range(20)] == [1] * 20
    assert len(between) == counting.value("lamps_total", room="between") > 500
    assert {sample.value for sample in between} == {1}


def test_a_full_disk_costs_numbers_and_no_request(counting):
    ended = counting.run("""
import logging, resource
logging.basicConfig()
LAMPS.labels("early").inc()
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
for n in range(2_000):
    LAMPS.labels(f"{n}").inc()
LAMPS.labels("early").inc()
TOOK.observe(0.5, {"trace_id": "4bf9"})
TOOK.observe(0.6, {"trace_id": "4bf9"})
""")

    assert counting.value("lamps_total", room="early") == 2
    assert counting.value("took_count") == 2
    assert ended.stderr.count("metrics are lost") == 1


def test_a_directory_that_is_gone_costs_numbers_and_no_request(counting):
    ended = counting.run("""
import logging, shutil
logging.basicConfig()
shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"])
LAMPS.labels("early").inc()
print(LAMPS.labels("early")._value.get())
""")

    assert ended.stdout == "1.0\n"
    assert ended.stderr.count("metrics are lost") == 1


def test_a_process_with_an_id_that_was_used_before_takes_nobodys_file(counting):
    counting.run("""
(ledger.directory() / f"counter_{os.getpid()}.db").write_bytes(b"somebody else's")
LAMPS.labels("hall").inc()
found = sorted(path.name for path in ledger.directory().iterdir())
assert (ledger.directory() / found[-1]).read_bytes() == b"somebody else's", found
assert found[0].startswith(f"counter_{os.getpid()}-"), found
""")


def test_a_value_that_is_made_before_the_settings_are_read_is_announced_at_zero(counting):
    counting.run("""
unlabelled = Counter("sold_total", "All of them.")
values.announce()
late = Counter("late_total", "All of them.")
""")

    assert counting.value("sold_total") == 0
    assert counting.value("late_total") == 0


def test_alone_a_process_counts_in_memory_and_a_child_inherits_nothing_it_shares(counting):
    ended = counting.run(
        """
LAMPS.labels("hall").inc()
child = os.fork()
if child == 0:
    LAMPS.labels("hall").inc()
    os._exit(0)
os.waitpid(child, 0)
print(LAMPS.labels("hall")._value.get())
""",
        PROMETHEUS_MULTIPROC_DIR="",
    )

    assert ended.stdout == "1.0\n"
    assert list(counting.directory.iterdir()) == []


class Named:
    """A number to be kept."""

    kind = "counter"

    def __init__(self, name):
        self.name = name

    def key(self):
        return self.name


@pytest.fixture
def files(tmp_path):
    made = FileLedger(tmp_path)
    yield made
    made.close()


def test_a_number_has_one_place(files):
    page, place = files.place(Named("lamps"))

    assert files.place(Named("lamps")) == (page, place)
    assert files.place(Named("tables"))[1] != place


def test_what_cannot_be_written_is_told_once_and_kept_in_memory(files, tmp_path, caplog):
    tmp_path.rename(tmp_path.with_name("elsewhere"))

    with caplog.at_level(logging.ERROR):
        places = [files.place(Named(name)) for name in ("lamps", "tables")]
        told()

    for page, place in places:
        page.numbers[place] += 1
        page.exemplars.keep(place, b"{}", value=1.0, timestamp=0.0)
    assert [page.numbers[place] for page, place in places] == [1, 1]
    assert caplog.text.count("metrics are lost") == 1


def told():
    """Wait until it is told that numbers are lost."""
    for thread in threading.enumerate():
        if thread.name == ledger.TELLING:
            thread.join(60)


def test_who_counts_does_not_wait_for_somebody_who_logs_and_counts(files, tmp_path, caplog):
    """Otherwise each of them waits for the lock of the other."""
    tmp_path.rename(tmp_path.with_name("elsewhere"))

    def count():
        with ledger.LOCK:
            files.place(Named("lamps"))

    counting = threading.Thread(target=count)
    caplog.handler.acquire()
    counting.start()
    counting.join(10)
    waits = counting.is_alive()
    caplog.handler.release()
    counting.join()
    told()

    assert not waits


def test_where_there_are_no_threads_any_more_nobody_is_told(files, tmp_path, monkeypatch):
    def none(self):
        raise RuntimeError

    tmp_path.rename(tmp_path.with_name("elsewhere"))
    monkeypatch.setattr(threading.Thread, "start", none)

    page, place = files.place(Named("lamps"))

    assert page.numbers[place] == 0


def test_a_ledger_in_memory_cannot_be_switched():
    current = Current(MemoryLedger())

    current.switch(on=False)

    assert current.ledger is current.own


def test_switched_off_nothing_is_written(files):
    current = Current(files)

    current.switch(on=False)
    current.ledger.place(Named("lamps"))

    assert list(files.directory.iterdir()) == []
    current.switch(on=True)
    assert current.ledger is files


@pytest.mark.parametrize("on", [True, False])
def test_a_child_begins_anew_and_lets_go_of_its_parents_files(files, on):
    current = Current(files)
    page, _ = files.place(Named("lamps"))
    current.switch(on=on)
    ledger.LOCK.acquire()  # as it is while a process forks

    current.after_fork()

    assert current.own is not files
    assert (current.ledger is current.own) == on
    assert len(page.numbers) == 0
    assert is_over(Found(page.path, "counter", "1"))


def test_where_room_cannot_be_reserved_a_file_has_its_length_all_the_same(tmp_path, monkeypatch):
    monkeypatch.delattr("os.posix_fallocate")
    file = os.open(tmp_path / "page", os.O_RDWR | os.O_CREAT)

    reserve(file, 4096)

    assert os.fstat(file).st_size == 4096
    os.close(file)


def test_the_name_of_a_file_is_free_or_another_one_is_taken(tmp_path):
    taken = tmp_path / f"counter_{os.getpid()}.db"
    taken.write_bytes(b"somebody else's")

    page = FilePage(tmp_path, "counter")

    assert page.path.name.startswith(f"counter_{os.getpid()}-")
    assert taken.read_bytes() == b"somebody else's"
    page.close()
