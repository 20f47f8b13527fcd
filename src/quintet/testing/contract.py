"""What the OpenAPI document of the service under test offers, and what it leaves unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

if TYPE_CHECKING:
    from collections.abc import Iterator


def operations() -> set[str]:
    """Every operation of the service under test, as ``POST /api/v1/orders/``."""
    return {name for name, _ in _operations(_document())}


def unsaid() -> list[str]:
    """What is missing from the document: summaries and examples; and every warning about it."""
    GENERATOR_STATS.reset()  # type: ignore[no-untyped-call] # spectacular
    with GENERATOR_STATS.silence():  # type: ignore[no-untyped-call] # spectacular
        document = _document()
    validate_schema(document)
    warnings = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    missing = [
        f"{name}: {what}" for name, told in _operations(document) for what in _missing(told)
    ]
    return [*warnings, *missing]


def _document() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call] # spectacular


def _operations(document: Any) -> Iterator[tuple[str, Any]]:
    for path, described in document["paths"].items():
        for method, told in described.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", told


def _missing(told: Any) -> Iterator[str]:
    if not told.get("summary"):
        yield "summary"
    for where, part in {"request": told.get("requestBody", {}), **told["responses"]}.items():
        for media in part.get("content", {}).values():
            if not media.get("example") and not media.get("examples"):
                yield f"example of {where}"
