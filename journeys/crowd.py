"""Many people who do the same thing at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway import Answer

CROWD = 50


def at_once(deed: Callable[[], Answer], times: int = CROWD) -> list[Answer]:
    """Let everybody do it, and return what each of them got."""
    with ThreadPoolExecutor(times) as crowd:
        return list(crowd.map(lambda _: deed(), range(times)))
