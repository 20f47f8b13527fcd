from __future__ import annotations

import asyncio

from quintet.telemetry import buffering, spent
from quintet.telemetry.buffering import Buffer


def test_what_was_waited_for_is_added_up():
    buffer = Buffer(1)

    with buffering.running(buffer):
        spent.on_call(0.5)
        spent.on_call(1.5)

    assert (buffer.spent.calls, buffer.spent.seconds) == (2, 2.0)


def test_a_request_that_calls_nobody_has_nothing_to_add_up():
    assert Buffer(1).spent is None


def test_outside_a_request_nothing_is_added_up():
    spent.on_call(0.1)

    assert buffering.current() is None


def test_the_tasks_of_a_request_add_to_the_same():
    buffer = Buffer(1)

    async def wait():
        spent.on_call(1.0)

    async def both():
        await asyncio.gather(wait(), asyncio.to_thread(spent.on_call, 2.0))

    with buffering.running(buffer):
        asyncio.run(both())

    assert (buffer.spent.calls, buffer.spent.seconds) == (2, 3.0)
