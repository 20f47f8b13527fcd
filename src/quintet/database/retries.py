"""Try a transaction again that lost against another one.

PostgreSQL ends one of two transactions that wait for each other, and one of two that cannot both
have come first. Nothing of it has happened, and it is the client's part to do it again.
"""

from __future__ import annotations

import random
import time
from functools import partial, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, transaction
from prometheus_client import Counter

from quintet.resilience import deadline
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

ATTEMPTS = 3
PAUSE_SECONDS = 0.02
"""The longest pause before the second attempt; it doubles, and each is drawn at random below it."""

RETRIED = Counter(
    "database_transactions_retried_total", "Transactions that were tried again.", ["reason"]
)
_REASONS = {"40001": "serialization_failure", "40P01": "deadlock"}
_STAGE = "retry"

P = ParamSpec("P")
R = TypeVar("R")

log = get_logger("quintet.database")


def retrying(
    *,
    attempts: int = ATTEMPTS,
    using: str = DEFAULT_DB_ALIAS,
    sleep: Callable[[float], None] = time.sleep,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Run a function in a transaction of its own, and again in a fresh one when that was lost.

    The function may be called several times, and is committed once: let it do nothing but work on
    the database. It cannot be called within a transaction, which would have to be tried again as a
    whole; that is a ``RuntimeError``.
    """
    if attempts < 1:
        raise ValueError(f"A function is called at least once, not {attempts} times.")

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        name = function.__qualname__

        @wraps(function)
        def tried(*args: P.args, **kwargs: P.kwargs) -> R:
            _refuse_within_a_transaction(name, using)
            left, longest = attempts, PAUSE_SECONDS
            while True:
                left, committed = left - 1, list[bool]()
                try:
                    with transaction.atomic(using, durable=True):
                        # Before all others: what fails after the commit must not be done again.
                        transaction.on_commit(partial(committed.append, True), using)
                        return function(*args, **kwargs)
                except DatabaseError as error:
                    reason = _reason(error)
                    if not left or not reason or committed:
                        raise
                _announce(name, reason)
                sleep(deadline.bounded(random.uniform(0, longest)))  # noqa: S311 - no secret
                deadline.check(_STAGE)
                longest *= 2

        return tried

    return decorate


def _refuse_within_a_transaction(name: str, using: str) -> None:
    blocks = transaction.get_connection(using).atomic_blocks
    if blocks and not blocks[-1]._from_testcase:  # noqa: SLF001 - as Django's durable does
        raise RuntimeError(
            f"{name} is tried again in a fresh transaction, and cannot be called within another: "
            "move the call out of the atomic block."
        )


def _reason(error: BaseException) -> str:
    """Why it was lost; nothing when it was not."""
    return _REASONS.get(getattr(error.__cause__, "sqlstate", None) or "", "")


def _announce(name: str, reason: str) -> None:
    RETRIED.labels(reason).inc()
    log.info("transaction tried again", function=name, reason=reason)
