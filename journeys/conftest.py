"""The running system, which all journeys share, and the people who use it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import conservation
import people
import pytest
import servers
from figures import Figures
from system import ROOT, STAGE, System, until

REPORTS = ROOT / ".quintet" / "test"
FIGURES = pytest.StashKey[Figures]()


def pytest_configure(config):
    config.stash[FIGURES] = Figures()
    config.addinivalue_line("markers", "alone: measures, and so needs the machine for itself")
    config.addinivalue_line("markers", "counted: notes what no other work can change")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark what notes figures: `quintet test` runs those when everything else is over.

    How often something was lost is the same on a busy machine; how long it took is not.
    """
    for item in items:
        notes = "figures" in getattr(item, "fixturenames", ())
        if notes and item.get_closest_marker("counted") is None:
            item.add_marker(pytest.mark.alone)


def pytest_terminal_summary(terminalreporter, config):
    noted = config.stash[FIGURES]
    if noted.rows:
        terminalreporter.section("figures")
        terminalreporter.write_line(noted.table())
        noted.write(REPORTS)


@pytest.fixture(scope="session")
def figures(request):
    """Where a scenario notes what it measured, ours beside stock."""
    return request.config.stash[FIGURES]


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


@pytest.fixture
def books(system):
    """The addresses of the databases that money and goods are in."""
    return books_of(system)


def books_of(system):
    return {name: system.environment_of(name)["DATABASE_URL"] for name in conservation.QUERIES}


@pytest.fixture(scope="module")
def conserved(system):
    """When the tests of a module are over, and what they left is finished, nothing is missing."""
    yield
    finish = ("manage", "orders", "resume_orders", "--age-seconds=0")
    until(lambda: system.command(*finish, check=False).returncode == 0)
    assert conservation.unbalanced(books_of(system)) == {}


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
def stage(scratch):
    """The stage alone: one service process, asked without a gateway."""
    with servers.stage(scratch) as server:
        yield server


@pytest.fixture(scope="session")
def stock(scratch):
    """The control: the same views without Quintet."""
    with servers.stock(scratch) as server:
        yield server


@pytest.fixture(scope="session")
def gateway(system):
    return system.gateway()


@pytest.fixture(scope="session")
def staff(system):
    return people.staff(system)


@pytest.fixture(scope="module")
def operator(gateway, staff):
    """Logged in for each module, since a token lives for a quarter of an hour."""
    return people.logged_in(gateway, staff, 0)


@pytest.fixture
def shopper(gateway):
    return people.registered(gateway)


@pytest.fixture
def lamp(operator):
    """A product of which there are five."""
    return operator.stocked(5)
