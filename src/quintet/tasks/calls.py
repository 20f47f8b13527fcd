"""What travels to a worker: a name and JSON, never an object and never a pickle."""

from __future__ import annotations

import inspect
import json
import math
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from quintet import context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quintet.tasks.declared import BoundedTask

LONGEST_CALL_BYTES: Final = 64 * 1024
"""A task is told which row it is about, not what stands in it."""


class Malformed(ValueError):
    """What came is no call of a task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A task that is to be run, with everything that its run depends on.

    ``due_at`` is the moment, in seconds of the epoch, from which on it could run.
    """

    task: str
    args: list[Any]
    kwargs: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid4()))
    priority: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    due_at: float = field(default_factory=time.time)
    attempt: int = 1

    def written(self) -> dict[str, Any]:
        """The call as JSON has it."""
        return asdict(self)

    def context(self) -> context.Context:
        """What travels with it."""
        return context.from_headers({name.lower(): value for name, value in self.headers.items()})


_TYPES: Final = {
    "task": str,
    "args": list,
    "kwargs": dict,
    "id": str,
    "priority": int,
    "headers": dict,
    "due_at": float,
    "attempt": int,
}


def read(written: Any) -> Call:
    """Read a call; a field that a newer version has added is left out. Raises ``Malformed``."""
    if not isinstance(written, dict):
        raise Malformed(f"A call of a task is an object, and {type(written).__name__} came.")
    known = {name: written[name] for name in _TYPES if name in written}
    wrong = [name for name, value in known.items() if not isinstance(value, _TYPES[name])]
    if not wrong and not all(isinstance(one, str) for one in known.get("headers", {}).values()):
        wrong = ["headers"]
    if wrong or not {"task", "args", "kwargs", "id"} <= known.keys():
        raise Malformed(f"A call of a task came without what it needs: {wrong or sorted(known)}.")
    return Call(**known)


def read_text(written: str) -> Call:
    """Read a call from JSON. Raises ``Malformed``."""
    try:
        return read(json.loads(written))
    except json.JSONDecodeError as error:
        raise Malformed(
            "A call of a task is an object of JSON, and something else came."
        ) from error


def call_of(task: BoundedTask, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
    """A call of a task from here, under the context that is bound.

    Raises:
        TypeError: The function does not take these arguments, or JSON does not.
        ValueError: They are too long, or a number that is none.
    """
    _fit(task, args, kwargs)
    call = Call(
        task=task.module_path,
        args=list(args),
        kwargs=dict(kwargs),
        priority=task.priority,
        headers=context.outgoing_headers(),
        due_at=time.time() if task.run_after is None else task.run_after.timestamp(),
    )
    length = len(json.dumps([call.args, call.kwargs], allow_nan=False).encode())
    if length > LONGEST_CALL_BYTES:
        raise ValueError(
            f"The arguments of {task.name} are {length} bytes long, and {LONGEST_CALL_BYTES} are "
            "sent: keep what is large in a row, and give its key."
        )
    return call


def _fit(task: BoundedTask, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    given = ("context", *args) if task.takes_context else args
    try:
        inspect.signature(task.func).bind(*given, **kwargs)
    except TypeError as error:
        raise TypeError(f"{task.name} cannot be called so: {error}.") from error
    named = [*((f"args[{number}]", value) for number, value in enumerate(args)), *kwargs.items()]
    for place, value in named:
        for found, what in _unfit(place, value):
            raise TypeError(
                f"{task.name} was given {what} as {found}, and tasks travel as JSON: give texts, "
                "numbers, true, false, null, lists and objects of them, such as the key of a row."
            )


def _unfit(place: str, value: Any) -> Iterator[tuple[str, str]]:
    """Where something stands that JSON would lose, refuse or change, and what it is."""
    if value is None or isinstance(value, str | bool | int):
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            yield place, str(value)
    elif type(value) is list:
        for number, item in enumerate(value):
            yield from _unfit(f"{place}[{number}]", item)
    elif type(value) is dict:
        for key, item in value.items():
            if not isinstance(key, str):
                yield f"a key of {place}", type(key).__name__
            yield from _unfit(f"{place}.{key}", item)
    else:
        yield place, type(value).__name__
