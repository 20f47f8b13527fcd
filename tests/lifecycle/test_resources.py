from __future__ import annotations

import errno
import math
import os
import resource
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from quintet.lifecycle import resources
from quintet.lifecycle.resources import CPUMeter, Groups, Share

MOST = 9223372036854771712
"""What version 1 writes where there is no limit."""


class Tree:
    """Files as the kernel would show them."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.membership = folder / "self"

    def write(self, group: str, **files) -> None:
        here = self.folder / "cgroup" / group
        here.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (here / name.replace("__", ".")).write_text(f"{text}\n")

    def groups(self, membership: str) -> Groups:
        self.membership.write_text(membership)
        return Groups(tree=self.folder / "cgroup", membership=self.membership)


@pytest.fixture
def second(tmp_path):
    """A tree of version 2."""
    tree = Tree(tmp_path)
    tree.write("", cgroup__controllers="cpu memory pids")
    return tree


@pytest.fixture
def first(tmp_path):
    """A tree of version 1."""
    return Tree(tmp_path)


def memory_2(limit, current, droppable=100):
    return {
        "memory__max": limit,
        "memory__current": current,
        "memory__stat": f"anon 1\ninactive_file {droppable}",
    }


def memory_1(limit, usage, droppable=100):
    return {
        "memory__limit_in_bytes": limit,
        "memory__usage_in_bytes": usage,
        "memory__stat": f"cache 5\ninactive_file 7\ntotal_inactive_file {droppable}",
    }


IN_CONTAINER_2 = "0::/\n"
IN_CONTAINER_1 = "5:pids:/\n4:memory:/\n2:cpu,cpuacct:/\n"


def test_version_2_says_how_much_memory_a_container_has_left(second):
    second.write("", **memory_2(1000, 600))

    assert resources.memory(second.groups(IN_CONTAINER_2)) == Share(500, 1000)


def test_version_1_says_how_much_memory_a_container_has_left(first):
    first.write("memory", **memory_1(1000, 600))

    assert first.groups(IN_CONTAINER_1).memory() == Share(500, 1000)


def test_the_group_that_is_nearest_to_its_limit_decides(second):
    second.write("pods/one", **memory_2(1000, 600))
    second.write("pods", **memory_2(1500, 1400))
    second.write("", **memory_2("max", 9000))

    assert second.groups("0::/pods/one\n").memory() == Share(1300, 1500)


def test_a_group_without_a_limit_is_passed_over_in_version_1_as_well(first):
    first.write("memory/docker/one", **memory_1(MOST, 600))
    first.write("memory/docker", **memory_1(2000, 600))
    first.write("memory", **memory_1(MOST, 9000))

    assert first.groups("4:memory:/docker/one\n").memory() == Share(500, 2000)


@pytest.mark.parametrize("path", ["/docker/somewhere/else", "/../../outside", "/../pods"])
def test_a_path_from_outside_the_container_is_not_followed(second, path):
    second.write("", **memory_2(1000, 600))
    second.write("../pods", **memory_2(1000, 999))

    assert second.groups(f"0::{path}\n").memory() == Share(500, 1000)


def test_more_droppable_than_used_is_nothing_used(second):
    second.write("", **memory_2(1000, 600, droppable=700))

    assert second.groups(IN_CONTAINER_2).memory() == Share(0, 1000)


@pytest.mark.parametrize("limit", ["max", "", "0", "-1", MOST, "x"])
def test_without_a_limit_the_machine_is_read(second, limit):
    second.write("", **memory_2(limit, 600))

    found = resources.memory(second.groups(IN_CONTAINER_2))

    assert found.limit == psutil.virtual_memory().total
    assert 0 < found.percent < 100


@pytest.mark.parametrize("stat", ["", "anon one", "one two three"])
def test_a_file_that_cannot_be_read_says_nothing_but_an_empty_one_says_none(second, stat):
    second.write("", memory__max=1000, memory__current=600, memory__stat=stat)

    assert second.groups(IN_CONTAINER_2).memory() in (None, Share(600, 1000))


def test_where_there_are_no_control_groups_nothing_is_known(tmp_path):
    groups = Groups(tree=tmp_path / "nowhere", membership=tmp_path / "nowhere")

    assert groups.memory() is groups.cpus() is groups.cpu_seconds() is groups.processes() is None
    assert resources.processes(groups) is None
    assert resources.memory(groups).limit == psutil.virtual_memory().total


@pytest.mark.parametrize(("limit", "found"), [("max", None), (512, Share(12, 512))])
def test_processes_are_counted_where_they_are_limited(second, first, limit, found):
    second.write("", pids__current=12, pids__max=limit)
    assert resources.processes(second.groups(IN_CONTAINER_2)) == found

    (second.folder / "cgroup" / "cgroup.controllers").unlink()
    first.write("pids", pids__current=12, pids__max=limit)
    assert resources.processes(first.groups(IN_CONTAINER_1)) == found


class Clock:
    """An hour that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_version_2_says_how_much_of_its_quota_a_container_takes(second):
    clock = Clock()
    second.write("", cpu__stat="usage_usec 5000000\nnr_throttled 0", cpu__max="50000 100000")
    meter = CPUMeter(second.groups(IN_CONTAINER_2), clock=clock)

    clock.now += 10
    second.write("", cpu__stat="usage_usec 9000000\nnr_throttled 0")

    assert meter.percent() == pytest.approx(80.0)
    assert meter.percent() == 0.0


def test_version_1_says_how_much_of_its_quota_a_container_takes(first):
    clock = Clock()
    first.write("cpu", cpu__cfs_quota_us=200_000, cpu__cfs_period_us=100_000)
    first.write("cpuacct", cpuacct__usage=5 * 10**9)
    meter = CPUMeter(first.groups(IN_CONTAINER_1), clock=clock)

    clock.now += 10
    first.write("cpuacct", cpuacct__usage=15 * 10**9)

    assert meter.percent() == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("version", "quota"), [(2, {"cpu__max": "max 100000"}), (1, {"cpu__cfs_quota_us": -1})]
)
def test_without_a_quota_all_processors_are_there(tmp_path, version, quota):
    tree = Tree(tmp_path)
    if version == 2:
        tree.write("", cgroup__controllers="cpu")
    tree.write("" if version == 2 else "cpu", cpu__cfs_period_us=100_000, **quota)

    assert tree.groups(IN_CONTAINER_1 + IN_CONTAINER_2).cpus() is None


def test_without_control_groups_the_processors_of_the_machine_are_read(tmp_path):
    meter = CPUMeter(Groups(tree=tmp_path / "nowhere"))
    ends_at = time.monotonic() + 0.2
    while time.monotonic() < ends_at:
        sum(range(1000))

    assert 0 < meter.percent() < 150


def test_a_machine_that_knows_no_affinity_has_the_processors_that_it_has(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")

    assert resources._processors() == os.cpu_count()


def test_this_machine_can_be_read():
    assert 0 < resources.memory().percent < 100
    assert 0 < resources.disk().percent <= 100
    assert 0 < resources.files().used <= resources.files().limit
    assert CPUMeter().percent() >= 0


def test_the_disk_is_that_of_the_path(tmp_path, monkeypatch):
    usage = SimpleNamespace(total=100, used=60, free=20)
    monkeypatch.setattr(shutil, "disk_usage", {tmp_path: usage}.get)

    assert resources.disk(tmp_path) == Share(60, 80)


def test_an_open_file_takes_a_descriptor():
    before = resources.files().used

    with Path(os.devnull).open():
        assert resources.files().used == before + 1


def failing(number):
    def fail(_):
        raise OSError(number, "no")

    return fail


def test_when_no_descriptor_is_left_to_count_with_all_are_taken(monkeypatch):
    monkeypatch.setattr(psutil.Process, "num_fds", failing(errno.EMFILE))

    assert resources.files().percent == 100.0


def test_another_mistake_while_counting_is_one(monkeypatch):
    monkeypatch.setattr(psutil.Process, "num_fds", failing(errno.EIO))

    with pytest.raises(OSError, match="no"):
        resources.files()


def test_where_descriptors_have_no_limit_none_of_it_is_taken(monkeypatch):
    infinite = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda _: infinite)

    assert (resources.files().limit, resources.files().percent) == (math.inf, 0.0)
