from __future__ import annotations

import asyncio
import threading

import pytest

from quintet.lifecycle import stacks


def test_the_calls_of_a_thread_are_told_from_the_outermost_on():
    def inner():
        return stacks.of_thread(threading.get_ident())

    told = inner()

    assert told[-1].endswith("in of_thread")
    assert told[-2].endswith(".inner")
    assert __file__ in told[-2]
    assert any("in test_the_calls_of_a_thread" in line for line in told)


def test_of_too_many_calls_the_innermost_are_told():
    def deeper(left):
        return deeper(left - 1) if left else stacks.of_thread(threading.get_ident())

    told = deeper(200)

    assert len(told) == stacks.DEEPEST
    assert told[-1].endswith("in of_thread")


def test_a_thread_that_has_ended_does_nothing():
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()

    assert stacks.of_thread(thread.ident) == []


async def sleeper():
    await asyncio.sleep(60)


@pytest.mark.parametrize("ended", [False, True])
def test_a_task_tells_what_it_waits_for_until_it_has_ended(ended):
    async def run():
        task = asyncio.create_task(sleeper())
        await asyncio.sleep(0)
        if ended:
            task.cancel()
            await asyncio.wait({task})
        told = stacks.of_task(task)
        task.cancel()
        return told

    told = asyncio.run(run())

    assert any("in sleeper" in line for line in told) is not ended


def test_a_task_that_has_not_begun_is_where_its_coroutine_begins():
    async def run():
        task = asyncio.create_task(sleeper())
        told = stacks.of_task(task)
        task.cancel()
        return told

    (only,) = asyncio.run(run())

    assert only.endswith("in sleeper")
