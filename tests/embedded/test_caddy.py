from __future__ import annotations

import urllib.request

import pytest

from quintet.embedded import ports, spawn
from quintet.embedded.caddy import Caddy
from quintet.embedded.server import NotReady, Unavailable
from tests.embedded.configurations import answering


@pytest.fixture
def running(caddy):
    caddy.start()
    return caddy


def answer_of(server: Caddy) -> str:
    with urllib.request.urlopen(server.url()) as response:
        return response.read().decode()


def test_it_serves_its_configuration(running):
    assert answer_of(running) == "hello"


def test_a_new_configuration_is_loaded_without_a_restart(running):
    pid = running.process.pid
    port = int(running.url().rpartition(":")[2])

    running.load(answering("changed", port=port))

    running.probe()
    assert answer_of(running) == "changed"
    assert running.process.pid == pid


def test_a_bad_configuration_is_refused_and_the_old_one_stays(running):
    bad = {"apps": {"http": {"servers": {"gateway": {"listen": ["nonsense:port"]}}}}}

    with pytest.raises(ValueError, match="Caddy refused the configuration"):
        running.load(bad)

    assert answer_of(running) == "hello"


def test_a_running_one_with_another_identity_is_not_taken_for_ours(running):
    (running.directory / "identity").write_text("somebody-else")

    with pytest.raises(NotReady, match="not the one of"):
        running.probe()


def test_one_that_does_not_run_is_not_ready(caddy):
    caddy.prepare()

    with pytest.raises(NotReady, match=r"No such file|not found"):
        caddy.probe()


def test_a_port_that_another_caddy_would_share_is_refused_with_its_owner(running, home):
    second = Caddy(home / "second", running.config)

    with pytest.raises(Unavailable, match=rf"is taken by pid {running.process.pid} \(.*caddy"):
        second.prepare()


def test_the_directory_may_be_deeper_than_a_socket_path_may_be_long(home, stopped):
    server = Caddy(home / ("deep" * 30) / "caddy", answering("deep"))
    stopped.append(server)

    server.start()

    assert answer_of(server) == "deep"


def test_without_proc_the_socket_is_reached_by_its_own_name(caddy, tmp_path_factory, monkeypatch):
    caddy.directory = tmp_path_factory.mktemp("c")
    caddy.start()
    monkeypatch.setattr(spawn, "LINUX", False)

    caddy.probe()


def test_addresses_of_the_next_protocol_and_without_a_host_are_understood(home):
    def url(address: str) -> str:
        config = {"apps": {"http": {"servers": {"gateway": {"listen": [address]}}}}}
        return Caddy(home, config).url()

    assert url("[::1]:8080") == "http://[::1]:8080"
    assert url(":8080") == "http://127.0.0.1:8080"
    assert Caddy(home, {}).url() == "http://127.0.0.1:80"


def test_the_administration_socket_is_closed_to_others(running):
    assert (running.directory / "admin.sock").stat().st_mode & 0o077 == 0
    assert ports.is_free(2019)
