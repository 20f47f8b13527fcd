"""The process that runs tasks: a worker of Celery that ends when it is told to, and only then.

A master takes tasks from the queue, and its children run them. Signals are not Celery's here: at
its own soft shutdown it sleeps in the handler of the signal, and a task that ends meanwhile is not
acknowledged and runs again elsewhere.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final

from billiard.util import get_logger as get_pool_logger
from celery import bootsteps, signals
from celery.exceptions import Reject
from celery.worker import WorkController, state
from django.db import connections
from redis.exceptions import RedisError

from quintet import conf
from quintet.tasks import arrival, calls
from quintet.tasks.celery import ARRIVAL, QueueUnavailable, application, send
from quintet.tasks.running import log
from quintet.tasks.schedule import Schedule
from quintet.tasks.store import store

if TYPE_CHECKING:
    from collections.abc import Callable

    from quintet.tasks.declared import BoundedTask
    from quintet.tasks.store import Due

LOOK_SECONDS: Final = 0.1
BESIDE_SECONDS: Final = 0.5
"""How often a worker looks for tasks that are due: so late is what was put off, at most."""


class Worker:
    """Runs the tasks of this service until it is told to end."""

    def __init__(self, *, tidy_up: Callable[[], object]) -> None:
        """Take what a child calls at its end."""
        self._tidy_up = tidy_up
        self._app = application()
        self._app.task(arrive, name=ARRIVAL, bind=True)
        self._app.steps["worker"].add(Looking)
        self._app.steps["consumer"].add(Leaving)
        self._schedule = Schedule(_send, takes=_takes)
        self._controller: Any = None
        self._ends_at: float | None = None
        self._cancelled = False

    def run(self) -> None:
        """Work until ``end`` was called and what had begun is finished, or its time is over."""
        signals.setup_logging.connect(_nothing, weak=False)
        get_pool_logger().propagate = True  # else it writes lines of its own past all handlers
        signals.worker_process_shutdown.connect(self._put_down, weak=False)
        connections.close_all()
        options = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}
        self._controller = WorkController(app=self._app, quintet=self, **options)
        self._controller.start()

    def end(self) -> None:
        """Take no more tasks, in the handler of a signal; once more changes nothing."""
        if self._ends_at is None:
            self._ends_at = time.monotonic() + conf.current().SHUTDOWN_SECONDS
        if not self._is_connected():
            self.leave()

    def leave(self) -> None:
        """End without a connection, if it is time to: Celery looks for it before it tries again."""
        if self._ends_at is not None:
            state.should_stop = 0

    def look(self) -> None:
        """What is done ten times in a second: see whether it is time to end."""
        if self._ends_at is None:
            return
        if not self._cancelled:
            self._cancelled = True
            self._controller.consumer.task_consumer.cancel()
        if not state.reserved_requests:
            state.should_stop = 0
        elif time.monotonic() > self._ends_at:
            log.warning("tasks are cut short, and go to another worker", tasks=_under_way())
            self._controller.consumer.cancel_active_requests()
            state.should_terminate = 0

    def beside(self) -> None:
        """What is done beside the tasks: send those that are due."""
        if self._ends_at is not None:
            return
        try:
            self._schedule.look()
            for due in store().due():
                _send_due(due)
        except (RedisError, QueueUnavailable) as error:
            log.warning("tasks that are due are not sent for now", reason=str(error)[:200])

    def _put_down(self, **_: Any) -> None:
        self._tidy_up()

    def _is_connected(self) -> bool:
        consumer = getattr(self._controller, "consumer", None)
        return consumer is not None and consumer.connection is not None


class Looking(bootsteps.StartStopStep):  # type: ignore[misc]  # celery has no types
    """Calls the worker from the loop of Celery, each time that this is connected anew."""

    def __init__(self, parent: Any, *, quintet: Worker, **options: Any) -> None:
        super().__init__(parent, **options)
        self._worker = quintet

    def register_with_event_loop(self, _parent: Any, hub: Any) -> None:
        """Be called again and again."""
        log.info("worker takes tasks", pid=os.getpid())
        hub.call_repeatedly(LOOK_SECONDS, self._worker.look)
        hub.call_repeatedly(BESIDE_SECONDS, self._worker.beside)


class Leaving(bootsteps.StartStopStep):  # type: ignore[misc]  # as above
    """Tells the worker that its connection is lost."""

    def stop(self, parent: Any) -> None:
        """Do not wait for a broker that may never come back."""
        parent.controller.options["quintet"].leave()


def arrive(self: Any, written: Any) -> None:
    """Run a task in a child of the worker; what cannot be written down goes back to the queue."""
    redelivered = bool(self.request.delivery_info.get("redelivered"))
    try:
        arrival.arrive(written, redelivered=redelivered, worker=self.request.hostname)
    except Exception as error:
        log.exception("task goes back to the queue")
        raise Reject(type(error).__name__, requeue=True) from error


def _send_due(due: Due) -> None:
    """Send a task that was put off; it is forgotten only then."""
    try:
        send(calls.read_text(due.written))
    except calls.Malformed as error:
        log.error("task cannot be read", reason=str(error))
    store().settle(due)


def _send(task: BoundedTask, seconds: float) -> None:
    """Send a task that has a rhythm; it is dropped when the next one comes before a worker."""
    send(calls.call_of(task, (), {}), expires_seconds=seconds)


def _takes(path: str, span: int, seconds: float) -> bool:
    return store().takes(path, span, seconds=seconds)


def _under_way() -> int:
    return len(state.reserved_requests)


def _nothing(**_: Any) -> None:
    """Celery configures the logs unless somebody says that he does."""
