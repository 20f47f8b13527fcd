"""The nouns that tests of services use. Every import waits until Django has its settings."""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTEXT = "quintet_context"


@pytest.fixture(autouse=True)
def clean_state() -> Iterator[None]:
    """Let no test inherit what another one left behind: the context of its last request."""
    yield
    for variable in copy_context():
        if variable.name == CONTEXT:
            variable.set(None)
