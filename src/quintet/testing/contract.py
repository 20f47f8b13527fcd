"""What the OpenAPI document of the service under test offers, and what it leaves unsaid."""

from __future__ import annotations

from contextlib import redirect_stderr
from io import StringIO
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
    drainage: Any = GENERATOR_STATS
    drainage.reset()
    with redirect_stderr(StringIO()) as warnings:
        document = _document()
    validate: Any = validate_schema
    validate(document)
    shared = document["components"].get("responses", {})
    missing = [
        f"{name}: {what}" for name, told in _operations(document) for what in _missing(told, shared)
    ]
    return [*warnings.getvalue().splitlines(), *missing]


def _document() -> Any:
    generator: Any = SchemaGenerator
    return generator().get_schema(request=None, public=True)


def _operations(document: Any) -> Iterator[tuple[str, Any]]:
    for path, described in document["paths"].items():
        for method, told in described.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", told


def _missing(told: Any, shared: Any) -> Iterator[str]:
    if not told.get("summary"):
        yield "summary"
    for where, part in {"request": told.get("requestBody", {}), **told["responses"]}.items():
        described = shared[part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        for media in described.get("content", {}).values():
            if not media.get("example") and not media.get("examples"):
                yield f"example of {where}"
