"""Serializers that take what they know and refuse the rest.

A key that is ignored is a promise that is not kept: the client believes that it changed something.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.db.models import Model
from rest_framework import serializers

T = TypeVar("T")
M = TypeVar("M", bound=Model)

UNKNOWN = "Unknown field."
MOST_UNKNOWN = 50
"""Who sends more of them is not helped by reading them all again."""


class _Strict:
    """Names the fields that the serializer does not have, together with all other mistakes.

    A field that is read-only is known: a client may send back what it was given, and it is left
    alone.
    """

    if TYPE_CHECKING:
        fields: Any

    def to_internal_value(self, data: Any) -> Any:
        unknown = _unknown(data, self.fields)
        try:
            value = cast("Any", super()).to_internal_value(data)
        except serializers.ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise serializers.ValidationError({**unknown, **error.detail}) from error
            raise
        if unknown:
            raise serializers.ValidationError(unknown)
        return value


class StrictSerializer(_Strict, serializers.Serializer[T]):
    """A serializer that answers 400 to a body with an unknown field."""


class StrictModelSerializer(_Strict, serializers.ModelSerializer[M]):
    """The same for a model; name its fields one by one, ``__all__`` is refused at start-up."""


def _unknown(data: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        return {}
    unknown = (str(name) for name in data if name not in fields)
    return {name: [UNKNOWN] for name in islice(unknown, MOST_UNKNOWN)}
