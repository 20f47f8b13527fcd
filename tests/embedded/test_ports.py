from __future__ import annotations

import os
import socket
import stat

import psutil
import pytest

from quintet.embedded import ports


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as server:
        yield server.getsockname()[1]


def test_a_listener_that_shares_its_port_counts_as_taken(listener):
    assert not ports.is_free(listener)


def test_a_chosen_port_is_free():
    assert ports.is_free(ports.choose())


def test_a_free_port_is_kept(tmp_path):
    first = ports.remembered(tmp_path)

    assert ports.remembered(tmp_path) == first
    assert ports.recorded(tmp_path) == first


def test_a_taken_port_is_replaced(tmp_path, listener):
    (tmp_path / "port").write_text(f"{listener}\n")

    assert ports.remembered(tmp_path) != listener


def test_a_port_file_with_nonsense_counts_as_none(tmp_path):
    (tmp_path / "port").write_text("eighty")

    assert ports.recorded(tmp_path) is None


def test_the_owner_of_a_port_is_named(listener):
    assert ports.owner(listener).startswith(f"pid {os.getpid()} (")


def test_a_free_port_has_nobody_to_name():
    assert ports.owner(ports.choose()) == "another process"


def test_an_owner_that_may_not_be_known_is_another_process(listener, monkeypatch):
    def denied(kind: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", denied)

    assert ports.owner(listener) == "another process"


def test_an_owner_that_ended_meanwhile_is_named_by_its_pid(listener, monkeypatch):
    def gone(pid: int) -> None:
        raise psutil.NoSuchProcess(pid)

    monkeypatch.setattr(psutil, "Process", gone)

    assert ports.owner(listener) == f"pid {os.getpid()} (?)"


def test_a_secret_is_made_once_for_its_owner_only(tmp_path):
    first = ports.secret(tmp_path / "password")

    assert ports.secret(tmp_path / "password") == first
    assert ports.secret(tmp_path / "other") != first
    assert stat.S_IMODE((tmp_path / "password").stat().st_mode) == 0o600


def test_an_empty_secret_of_a_full_disk_is_replaced(tmp_path):
    (tmp_path / "password").touch(mode=0o600)

    assert len(ports.secret(tmp_path / "password")) > 20
    assert ports.secret(tmp_path / "password") == (tmp_path / "password").read_text("ascii")
