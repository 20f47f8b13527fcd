from __future__ import annotations

import asyncio

import pytest

from quintet.embedded import ports
from quintet.fleet.roster import Roster
from tests.fleet import throwaway
from tests.fleet.system import RunningSystem


@pytest.fixture
def run():
    """Run a coroutine to its end, with a limit that only a hanging test reaches."""

    def _run(coroutine):
        async def limited():
            async with asyncio.timeout(60):
                return await coroutine

        return asyncio.run(limited())

    return _run


@pytest.fixture
def lines():
    return []


@pytest.fixture
def roster(tmp_path, lines):
    made = Roster(tmp_path / "state.json", on_line=lambda name, line: lines.append((name, line)))
    yield made
    made.close()


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A running system that the tests of a module share; its path has a space and is long."""
    root = tmp_path_factory.mktemp("a system") / ("long" * 20)
    throwaway.write(root, port=ports.choose())
    running = RunningSystem(root)
    running.command("up", "--detach")
    yield running
    running.end()


@pytest.fixture
def stopped_system(tmp_path):
    """A system that is not running yet; the test may break it as it likes."""
    throwaway.write(tmp_path / "own system", port=ports.choose())
    made = RunningSystem(tmp_path / "own system")
    yield made
    made.end()
