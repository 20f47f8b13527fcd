"""Two replicas of one service behind the gateway, restarted while they are asked."""

from __future__ import annotations

import threading

import pytest

from quintet.embedded import ports
from quintet.fleet.description import System
from quintet.fleet.gateway import configuration
from tests.fleet import throwaway
from tests.fleet.system import RunningSystem, decoded

TWICE = "scale: { replicas: 2 }, path: alpha"


@pytest.fixture(scope="module")
def doubled(tmp_path_factory):
    """A running system whose first service runs twice."""
    root = tmp_path_factory.mktemp("doubled")
    throwaway.write(root, port=ports.choose())
    description = root / "quintet.yaml"
    description.write_text(description.read_text().replace("path: alpha", TWICE))
    running = RunningSystem(root)
    running.command("up", "--detach")
    yield running
    running.end()


class Crowd:
    """Asks through the gateway until it is told to stop, GET and POST in turn."""

    def __init__(self, system):
        self.failures = []
        self.answered = 0
        self._system = system
        self._gateway = system.status()["gateway"]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _ask(self):
        while not self._over.wait(0.005):
            method = ("GET", "POST")[self.answered % 2]
            answer = self._system.http.request(method, f"{self._gateway}/api/v1/alpha/", body=b"{}")
            self.answered += 1
            if answer.status != 200:
                self.failures.append((method, answer.status, answer.data))


def pids(system):
    return [system.unit(name)["pid"] for name in ("alpha", "alpha-2")]


def workers_behind(system):
    return {decoded(system.ask("/api/v1/alpha/"))["pid"] for _ in range(20)}


def test_the_gateway_sends_to_every_replica(doubled):
    assert len(workers_behind(doubled)) == 2


def test_a_rolling_restart_loses_no_request(doubled):
    before = pids(doubled)

    with Crowd(doubled) as crowd:
        said = doubled.command("restart", "alpha", "--rolling").stdout

    assert crowd.failures == []
    assert crowd.answered > 100
    assert [line.split()[0] for line in said.splitlines()] == ["alpha", "alpha-2"]
    assert not set(before) & set(pids(doubled))


def test_one_replica_is_restarted_by_its_own_name(doubled):
    first, second = pids(doubled)

    doubled.command("restart", "alpha-2")

    assert pids(doubled)[0] == first
    assert pids(doubled)[1] != second


def test_a_service_is_restarted_with_all_its_replicas(doubled):
    before = pids(doubled)

    doubled.command("restart", "alpha")

    assert not set(before) & set(pids(doubled))


def test_a_single_replica_is_neither_asked_nor_is_anything_repeated():
    system = System.model_validate({"services": {"a": {"path": "a", "routes": ["/a"]}}})

    made = configuration(
        system, listen="127.0.0.1:1", upstreams={"a": ["127.0.0.1:2"]}, docs="d", swagger="s"
    )

    assert "health_checks" not in str(made)
    assert "load_balancing" not in str(made)
