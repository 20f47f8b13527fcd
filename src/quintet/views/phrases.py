"""The names of statuses as RFC 9110 has them: those of Python 3.13, on any version."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

_RENAMED: Final = {413: "Content Too Large", 422: "Unprocessable Content"}


def phrase_of(status: int) -> str:
    """The name of a status, or its number where it has none."""
    try:
        return _RENAMED.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
