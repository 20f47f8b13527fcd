"""Out: the provider that moves the money, and who stands in for it.

There is one seam, ``Provider``, and three who pass its tests: the ``Simulator`` on tables, the same
``Simulator`` on memory, and the ``RecordingProvider`` around either.
"""

from __future__ import annotations

from payments.clients.books import Book, MemoryBook, Page, TableBook
from payments.clients.choice import provider, standard_provider, use_provider
from payments.clients.provider import Deed, Instruction, NoAnswer, Outcome, Provider
from payments.clients.recording import RecordingProvider
from payments.clients.simulator import Simulator

__all__ = [
    "Book",
    "Deed",
    "Instruction",
    "MemoryBook",
    "NoAnswer",
    "Outcome",
    "Page",
    "Provider",
    "RecordingProvider",
    "Simulator",
    "TableBook",
    "provider",
    "standard_provider",
    "use_provider",
]
