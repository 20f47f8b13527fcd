from __future__ import annotations

import asyncio
import sys

import pytest

from quintet.fleet.roster import Roster


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


@pytest.fixture
def python():
    return sys.executable
