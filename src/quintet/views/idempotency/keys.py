"""The key that a client writes into the header: read in one way, whoever asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from quintet.errors import ValidationException
from quintet.views.idempotency import HEADER

if TYPE_CHECKING:
    from rest_framework.request import Request

LONGEST_KEY: Final = 255


def key_of(request: Request) -> str | None:
    """Read the key, which the draft puts into quotes and most clients do not."""
    written = request.headers.get(HEADER)
    if written is None:
        return None
    key = written[1:-1] if len(written) > 1 and written[0] == written[-1] == '"' else written
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise refused(f"A key is 1 to {LONGEST_KEY} printable characters of ASCII.")
    return key


def refused(why: str) -> ValidationException:
    """The error of a request whose key is missing or none."""
    return ValidationException("The idempotency key is not valid.", field_errors={HEADER: [why]})
