"""Celery behind the tasks of Django: how a task gets into the queue, and how it is kept safe there.

What each setting of Celery is for stands beside it; the names are Celery's.
"""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from celery import Celery
from kombu import Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from quintet import conf
from quintet.errors import UnavailableException
from quintet.resilience.outage import Outage
from quintet.settings import derive
from quintet.tasks.backend import TaskBackend
from quintet.tasks.declared import CLEAN_UP_SECONDS, discovered
from quintet.tasks.shape import TASK_MAX_PRIORITY
from quintet.tasks.store import ANSWER_SECONDS, CONNECT_SECONDS, store

if TYPE_CHECKING:
    from quintet.settings import ServiceSettings
    from quintet.tasks.calls import Call
    from quintet.tasks.shape import TaskResult

ARRIVAL: Final = "quintet.tasks.arrive"
"""The one task that Celery knows: the worker finds the function by the name in its argument."""
RUNS_OF_A_PROCESS: Final = 1_000
LOWEST_PRIORITY: Final = 9
RESTORE_SECONDS: Final = 5
LOST_SECONDS: Final = 1.0
TRUSTED: Final = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}


class QueueUnavailable(UnavailableException):
    """The queue of the service did not take a task."""


class CeleryBackend(TaskBackend):
    """Sends tasks to the workers of this service, ``manage.py quintet_tasks``.

    While the broker does not answer, one call in a second waits for it, the others fail at once.
    """

    supports_defer = True

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        self._outage = Outage()

    def begin(self, call: Call, result: TaskResult[Any]) -> None:
        """Send it, or keep it for later; raises ``QueueUnavailable``."""
        if self._outage.spares():
            raise QueueUnavailable("The queue did not answer a moment ago.")
        try:
            _hand_over(call, is_for_later=result.task.run_after is not None)
        except QueueUnavailable:
            self._outage.begin()
            raise
        self._outage.end()


def _hand_over(call: Call, *, is_for_later: bool) -> None:
    try:
        if is_for_later:
            store().defer(call, due_at=call.due_at)
        else:
            send(call)
    except RedisError as error:
        raise QueueUnavailable(f"The queue did not answer: {type(error).__name__}.") from error


def send(call: Call, *, expires_seconds: float | None = None) -> None:
    """Give a call to the queue; raises ``QueueUnavailable``.

    One that has expired before a worker takes it is dropped.
    """
    task = discovered().get(call.task)
    limit = conf.current().TASK_SECONDS if task is None else task.limit_seconds
    try:
        application().send_task(
            ARRIVAL,
            args=[call.written()],
            task_id=call.id,
            priority=_step(call.priority),
            soft_time_limit=limit,
            time_limit=limit + CLEAN_UP_SECONDS,
            expires=expires_seconds,
            argsrepr="…",  # Celery would write the values into the headers, for its monitors
        )
    except OperationalError as error:
        raise QueueUnavailable(f"The queue did not take {call.task}.") from error


def _step(priority: int) -> int:
    """Of Django's -100 to 100, where more comes first, the 9 to 0 of the lists in Redis."""
    return round(LOWEST_PRIORITY * (TASK_MAX_PRIORITY - priority) / (2 * TASK_MAX_PRIORITY))


@cache
def application() -> Celery:
    """The Celery application of this process; a fork makes one of its own."""
    made = Celery(fixups=[], set_as_current=False)
    made.conf.update(configuration(conf.current()))
    return made


os.register_at_fork(after_in_child=application.cache_clear)
os.register_at_fork(after_in_child=store.cache_clear)


def configuration(env: ServiceSettings) -> dict[str, Any]:
    """Every setting of Celery that differs from its default."""
    url = derive.redis_url(env.BROKER_URL)
    return {
        "broker_url": url,
        # Else Celery trusts whoever answers.
        "broker_use_ssl": TRUSTED if url.startswith("rediss:") else None,
        "broker_pool_acquire_timeout": CONNECT_SECONDS,
        "broker_transport_options": _transport(env),
        "broker_connection_timeout": CONNECT_SECONDS,
        "broker_connection_max_retries": None,  # a worker waits for its broker, however long
        "broker_connection_retry_on_startup": True,
        # JSON is all that is read: who can write a pickle into a queue runs code in its reader.
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_ignore_result": True,
        "task_default_queue": env.SERVICE_NAME,
        "task_queues": [Queue(env.SERVICE_NAME)],
        "task_create_missing_queues": False,
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0.1},
        # What was begun and not finished is begun again, by whoever is there.
        "task_acks_late": True,
        "task_acks_on_timeout": False,
        "task_reject_on_worker_lost": True,
        "worker_lost_wait": LOST_SECONDS,
        # A task that nobody can acknowledge any more comes back: it shall not run twice at a time.
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        "worker_prefetch_multiplier": 1,
        "worker_concurrency": env.TASK_PROCESSES,
        "worker_max_tasks_per_child": RUNS_OF_A_PROCESS,
        # Commands to workers are broadcast: who may write to the broker could stop all of them.
        "worker_enable_remote_control": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }


def _transport(env: ServiceSettings) -> dict[str, Any]:
    return {
        # Else all services share one list of what is under way, and each restores what it takes for
        # forgotten by its own measure, of all of them.
        "global_keyprefix": store().prefix,
        "visibility_timeout": env.TASK_VISIBILITY_SECONDS,
        "unacked_restore_interval": RESTORE_SECONDS,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "socket_keepalive": True,
    }
