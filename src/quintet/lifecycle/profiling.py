"""Where a running process spends its time, found out by looking at it a hundred times a second.

Nothing is switched on beforehand and nothing is slowed down but by the looking, which takes a few
hundredths of a processor for as long as it lasts.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from quintet.lifecycle import phase

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

MOST_SECONDS = 30.0
LOOKS_PER_SECOND = 100
MOST_STACKS = 10_000
DEEPEST = 200
REST = "<other stacks>"

OWN_THREADS = "quintet-"
"""What the threads of the chassis are called: they wait, and say nothing about the service."""

_IDLE = frozenset({("thread.py", "_worker"), ("selectors.py", "select")})
"""Where a thread is that has nothing to do."""

_one_at_a_time = threading.Lock()


class Busy(RuntimeError):
    """Somebody is looking already."""


def profile(
    seconds: float,
    *,
    pause: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Look for so long, and return each stack with how often it was seen: collapsed, by line.

    The calls of a stack are separated by semicolons, the outermost first, as flame graphs take it.
    The thread that looks, threads of the chassis and idle ones are left out.

    Raises:
        Busy: Somebody else looks at this process.
    """
    if not _one_at_a_time.acquire(blocking=False):
        raise Busy
    try:
        stacks = _Stacks()
        ends_at = clock() + min(seconds, MOST_SECONDS)
        while clock() < ends_at and not phase.is_stopping():
            stacks.look()
            pause(1 / LOOKS_PER_SECOND)
        return stacks.collapsed()
    finally:
        _one_at_a_time.release()


class _Stacks:
    """What was seen, by the identities of the code: to compare code is to compare all of it."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[int, ...]] = Counter()
        self._codes: dict[int, tuple[CodeType, str]] = {}
        self._missed = 0

    def look(self) -> None:
        left_out = _left_out()
        for ident, frame in sys._current_frames().items():  # noqa: SLF001 - the only way there is
            if ident not in left_out and not _is_idle(frame):
                self._count(frame)

    def collapsed(self) -> str:
        rows = [f"{self._written(stack)} {count}" for stack, count in self._seen.most_common()]
        if self._missed:
            rows.append(f"{REST} {self._missed}")
        return "".join(f"{row}\n" for row in rows)

    def _count(self, frame: FrameType) -> None:
        stack = self._stack(frame)
        if stack in self._seen or len(self._seen) < MOST_STACKS:
            self._seen[stack] += 1
        else:
            self._missed += 1

    def _stack(self, frame: FrameType | None) -> tuple[int, ...]:
        stack: list[int] = []
        while frame is not None and len(stack) < DEEPEST:
            code = frame.f_code
            if (
                id(code) not in self._codes
            ):  # the code is kept with it, so that its id stays its own
                self._codes[id(code)] = code, str(frame.f_globals.get("__name__", "?"))
            stack.append(id(code))
            frame = frame.f_back
        return tuple(stack)

    def _written(self, stack: tuple[int, ...]) -> str:
        named = (self._codes[identity] for identity in reversed(stack))
        return ";".join(f"{module}:{code.co_qualname}".replace(" ", "_") for code, module in named)


def _left_out() -> set[int | None]:
    own = (thread.ident for thread in threading.enumerate() if thread.name.startswith(OWN_THREADS))
    return {threading.get_ident(), *own}


def _is_idle(frame: FrameType) -> bool:
    code = frame.f_code
    return (code.co_filename.rpartition("/")[2], code.co_name) in _IDLE
