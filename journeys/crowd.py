"""Many people who do the same thing at the same moment."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway import Answer

CROWD = 50
BUSY = 503
MOST_TIMES = 30


def at_once(deed: Callable[[], Answer], times: int = CROWD) -> list[Answer]:
    """Let everybody do it, and return what each of them got."""
    with ThreadPoolExecutor(times) as crowd:
        return list(crowd.map(lambda _: patiently(deed), range(times)))


def patiently(deed: Callable[[], Answer]) -> Answer:
    """Come again when a busy service says so, as clients do, and not all at the same moment."""
    answer = deed()
    for _ in range(MOST_TIMES):
        if answer.status != BUSY or "retry-after" not in answer.headers:
            break
        time.sleep(int(answer.headers["retry-after"]) * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
        answer = deed()
    return answer
