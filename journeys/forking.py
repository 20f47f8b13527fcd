"""Starts works in processes of their own: forked, since to import Django takes longer than to die.

This is the inner half, for a program that has Django ready: a line of JSON says what to do, the
answer is a line as well. What is started waits until it is let go, so that somebody can look over
its shoulder before.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def serve(
    works: Mapping[str, Callable[..., int | None]], deeds: Mapping[str, Callable[..., Any]]
) -> None:
    """Start the works that are asked for, and do the deeds at once, until nobody asks any more.

    A work may return the code that its process ends with.
    """
    gates: dict[int, int] = {}

    def start(work: str, **given: Any) -> Any:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid:
            os.close(reading)
            gates[pid] = writing
            return {"pid": pid}
        os.close(writing)
        os.read(reading, 1)
        code = 1
        try:
            code = works[work](**given) or 0
        finally:
            os._exit(code)

    def begin(pid: int) -> Any:
        os.close(gates.pop(pid))
        return {}

    known = {**deeds, "start": start, "begin": begin, "poll": poll}
    for line in sys.stdin:
        asked = json.loads(line)
        answer = known[asked.pop("do")](**asked)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def poll(pid: int) -> Any:
    """How a process ended, if it has."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return {"code": os.waitstatus_to_exitcode(status) if found else None}
