"""Where the simulator remembers what it did: a page for each reference, in a table or in memory."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from django.db import transaction

from payments.models import SimulatorPage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

COLUMNS = ("held", "captured", "refunded", "voided", "answers")


@dataclass(slots=True, kw_only=True)
class Page:
    """The money of one reference, and the answer to each deed: a reason, or nothing if done.

    A deed whose answer is ``None`` got lost on its way.
    """

    held: int = 0
    captured: int = 0
    refunded: int = 0
    voided: bool = False
    answers: dict[str, str | None] = field(default_factory=dict)


class Book(Protocol):
    """Pages by reference; one writer at a time has a page open."""

    def opened(self, reference: str) -> AbstractContextManager[Page]:
        """Give the page of a reference, and keep what was written on it."""


class TableBook:
    """A book in the database, in transactions of its own."""

    @contextmanager
    def opened(self, reference: str) -> Iterator[Page]:
        """Lock the row of the reference until the page is closed."""
        with transaction.atomic(durable=True):
            row, _ = SimulatorPage.objects.select_for_update().get_or_create(reference=reference)
            page = Page(**{name: getattr(row, name) for name in COLUMNS})
            yield page
            for name in COLUMNS:
                setattr(row, name, getattr(page, name))
            row.save()


class MemoryBook:
    """A book that is forgotten with the process."""

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}
        self._lock = threading.Lock()

    @contextmanager
    def opened(self, reference: str) -> Iterator[Page]:
        """Let one thread at a time write."""
        with self._lock:
            yield self._pages.setdefault(reference, Page())
