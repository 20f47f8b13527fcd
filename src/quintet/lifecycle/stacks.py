"""What a thread or a task is doing at this moment, without asking it."""

from __future__ import annotations

import sys
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from types import FrameType

DEEPEST = 60


def of_thread(ident: int) -> list[str]:
    """The calls of a thread, the outermost first; the innermost ones when there are too many."""
    frames = _outwards(sys._current_frames().get(ident))  # noqa: SLF001 - the only way there is
    return _written(frames)[::-1]


def of_task(task: asyncio.Task[Any]) -> list[str]:
    """What a task waits for, from its coroutine inwards, and on into the thread of a sync view."""
    frames = list(_inwards(task.get_coro()))
    idents = _threads_of(frames[-1]) if frames else []
    return _written(iter(frames[-DEEPEST:])) + list(chain.from_iterable(map(of_thread, idents)))


def place(frame: FrameType) -> str:
    """Where a call is, in words that need no source."""
    code = frame.f_code
    return f"{code.co_filename}:{frame.f_lineno} in {code.co_qualname}"


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _inwards(awaited: Any) -> Iterator[FrameType]:
    """Follow coroutines and generators to what the innermost of them waits for."""
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is None:
            return
        yield frame
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)


def _threads_of(frame: FrameType) -> list[int]:
    """The threads of the executor that asgiref has given work to, if it is that which waits."""
    executor = frame.f_locals.get("executor")
    return [thread.ident for thread in getattr(executor, "_threads", ())]


def _written(frames: Iterator[FrameType]) -> list[str]:
    return [place(frame) for _, frame in zip(range(DEEPEST), frames, strict=False)]
