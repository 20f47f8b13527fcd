"""What the processes of a service use."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time

import psutil
import pytest
from prometheus_client import REGISTRY

from quintet.telemetry.metrics import processes
from quintet.telemetry.metrics.processes import Processes, look
from tests.telemetry.metrics.reading import scraped, switched

TICK = 1 / os.sysconf("SC_CLK_TCK")
BURN = "import time\nwhile time.process_time() < 0.3: pass"
IDLE = "import time; time.sleep(600)"


def started(code=IDLE):
    return subprocess.Popen([sys.executable, "-c", code])


@pytest.fixture
def idle():
    """Two processes that wait."""
    made = [started(), started()]
    yield made
    for process in made:
        process.kill()
        process.wait()


def read(pids=()):
    return {
        sample.name: sample.value
        for family in Processes(pids).collect()
        for sample in family.samples
    }


def test_numbers_of_all_processes_are_added_up(idle):
    alone, together = read(), read(process.pid for process in idle)

    assert together["process_resident_memory_bytes"] > alone["process_resident_memory_bytes"]
    assert together["process_threads"] >= alone["process_threads"] + 2


def test_of_open_files_the_most_is_told_beside_the_limit(idle):
    told = read(process.pid for process in idle)

    open_here = psutil.Process().num_fds()
    assert told["process_open_fds"] >= open_here
    assert told["process_open_fds"] < open_here + psutil.Process(idle[0].pid).num_fds()
    assert told["process_max_fds"] == resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_the_oldest_process_says_when_it_began(idle):
    told = read(process.pid for process in idle)

    assert told["process_start_time_seconds"] == psutil.Process().create_time()


def test_a_process_that_is_gone_is_passed_over():
    gone = started("pass")
    gone.wait()

    assert len(look([os.getpid(), gone.pid])) == 1


def test_the_time_of_processes_that_have_ended_stays_in_the_sum():
    """Read again and again while they work, end, and are waited for, it never falls."""
    burning = [started(BURN) for _ in range(3)]
    waiting = {process.pid for process in burning}
    before = read()["process_cpu_seconds_total"]
    seen = []

    while burning:
        seen.append(read(waiting)["process_cpu_seconds_total"])
        burning = [process for process in burning if process.poll() is None]
    seen.append(read(waiting)["process_cpu_seconds_total"])

    assert seen == sorted(seen)
    assert seen[-1] >= before + 0.9 - 6 * TICK


def test_one_that_ends_while_all_are_read_is_not_counted_twice(monkeypatch):
    child = started(BURN)
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    used, looked = processes._used, []

    def used_and_reaped(process):
        found = used(process)
        looked.append(process.pid)
        if process.pid == child.pid:
            child.wait()
        return found

    monkeypatch.setattr(processes, "_used", used_and_reaped)
    before = sum(os.times()[:4])

    total = sum(one.cpu_seconds for one in look([os.getpid(), child.pid]))

    assert looked[0] == child.pid
    assert total < before + 0.3 + 0.25
    assert total >= before + 0.3 - 3 * TICK


def test_one_that_is_ending_has_its_time_and_nothing_else(monkeypatch, idle):
    def gone(self):
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "num_fds", gone)

    (used,) = look([idle[0].pid])

    assert (used.resident_bytes, used.open_files, used.threads) == (0, 0, 0)
    assert used.started_at == psutil.Process(idle[0].pid).create_time()


def test_one_that_goes_while_it_is_read_is_passed_over(monkeypatch):
    child = started()
    found = psutil.Process(child.pid)
    found.create_time()
    child.kill()
    child.wait()
    monkeypatch.setattr(processes, "_found", lambda pids: [found])

    assert look([child.pid]) == []
    assert read() == {}


def test_where_processes_never_stop_ending_there_is_an_answer_all_the_same(monkeypatch, idle):
    monkeypatch.setattr(psutil.Process, "is_running", lambda self: False)

    assert len(look([process.pid for process in idle])) == 2


def test_alone_a_process_tells_the_same_in_place_of_the_library():
    switched()
    switched()

    told = scraped()
    assert told["process_threads",] >= 1
    assert told["process_cpu_seconds_total",] > 0
    assert REGISTRY.get_sample_value("process_virtual_memory_bytes") is None


def test_a_stopped_process_does_not_stop_a_scrape(idle):
    os.kill(idle[0].pid, signal.SIGSTOP)

    assert len(look([process.pid for process in idle])) == 2
