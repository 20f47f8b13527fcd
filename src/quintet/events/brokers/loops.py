"""Clients that speak asyncio only, used from threads."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from quintet.events.brokers import BrokerUnavailable

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from quintet.events.brokers import Delivery

ANSWER_SECONDS: Final = 5.0

T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self, *failures: type[BaseException]) -> None:
        self._failures: tuple[type[BaseException], ...] = (*failures, OSError, TimeoutError)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="broker", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], seconds: float = ANSWER_SECONDS) -> T:
        """Run something in the loop, and wait for what it returns.

        Raises:
            BrokerUnavailable: It took longer, or failed as one of the failures.
        """
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(seconds)
        except self._failures as error:
            running.cancel()
            raise BrokerUnavailable(f"The broker did not do it: {type(error).__name__}.") from error

    def close(self) -> None:
        """End what runs in it, and its thread."""
        asyncio.run_coroutine_threadsafe(_end_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Mailbox:
    """What has arrived and was not fetched yet; only for coroutines of one loop."""

    def __init__(self) -> None:
        self._arrived: deque[Delivery] = deque()
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, delivery: Delivery) -> None:
        """Add what has arrived."""
        self._arrived.append(delivery)
        self._changed.set()

    def close(self, *_: Any) -> None:
        """Let nobody take anything any more: what was not fetched, the broker delivers again."""
        self._closed = True
        self._changed.set()

    async def take(self, limit: int, wait_seconds: float) -> list[Delivery]:
        """The next deliveries, or none after the wait.

        Raises:
            BrokerUnavailable: It is closed.
        """
        if not self._arrived and not self._closed:
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait_seconds)
        if self._closed:
            raise BrokerUnavailable("The connection to the broker was lost.")
        return [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]


async def _end_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
