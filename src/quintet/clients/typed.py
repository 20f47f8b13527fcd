"""What a generated client stands on: bodies and answers with the types of a contract.

Imported by name, since it needs msgspec, which ``quintet[contracts]`` brings.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from quintet.errors import ExternalServiceException

T = TypeVar("T")


def written(body: object) -> Any:
    """What a body is in JSON; what is not set is left out."""
    return msgspec.to_builtins(body)


def answered(answer: Any, kind: type[T], *, service: str) -> T:
    """Read an answer as it was promised; what it has besides is not looked at.

    Raises:
        ExternalServiceException: A field is missing, or of another type.
    """
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        broken = ExternalServiceException(
            f"{service} answered with what its contract does not say: {error}.",
            service_name=service,
        )
        broken.origin = service
        raise broken from error
