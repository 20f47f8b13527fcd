"""The running system, which all journeys share, and the people who use it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import people
import pytest
from system import ROOT, STAGE, System


@pytest.fixture(scope="session")
def scratch():
    """A directory inside the clone's own state directory."""
    below = ROOT / ".quintet" / "journeys"
    below.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=below))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def system(scratch):
    """The five services, on real servers."""
    made = System(root=ROOT, state=scratch / "system")
    try:
        made.up()
        yield made
    finally:
        made.command("down", check=False)


def staged(scratch):
    made = System(root=STAGE, state=Path(tempfile.mkdtemp(dir=scratch)))
    try:
        made.up()
        yield made
    finally:
        made.command("down", check=False)


@pytest.fixture(scope="session")
def small(scratch):
    """A small system of one service that fails on demand."""
    yield from staged(scratch)


@pytest.fixture
def fragile(scratch):
    """Another one, for one test alone: it may be hurt beyond repair."""
    yield from staged(scratch)


@pytest.fixture(scope="session")
def gateway(system):
    return system.gateway()


@pytest.fixture(scope="session")
def operator(system, gateway):
    return people.operator(system, gateway)


@pytest.fixture
def shopper(gateway):
    return people.registered(gateway)


@pytest.fixture
def lamp(operator):
    """A product of which there are five."""
    return operator.stocked(5)
