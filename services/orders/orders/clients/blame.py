"""What becomes of refusals and answers that orders cannot use: the fault of the other service."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from quintet.errors import ExternalServiceException, Kind, ServiceException

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the shopper may be told as it is; any other refusal is a quarrel between two services.
PASSED_ON: Final = {Kind.RULE, Kind.EXTERNAL, Kind.UNAVAILABLE, Kind.DEADLINE}


@contextmanager
def expecting(service: str) -> Iterator[None]:
    """Raise what the shopper cannot mend as the fault of the service: 502, not 401, 403 or 409."""
    try:
        yield
    except ServiceException as error:
        if error.kind in PASSED_ON:
            raise
        raise ExternalServiceException(
            f"{service} did not accept a request of orders.", service
        ) from error


def expect(status: str, wanted: str, *, service: str) -> None:
    """Believe that something was done only when the service says so, whatever its HTTP status."""
    if status != wanted:
        raise ExternalServiceException(f"{service} answered, but not that it is done.", service)
