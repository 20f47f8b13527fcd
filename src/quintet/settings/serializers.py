"""How values travel to a shared cache: as JSON, which, unlike pickle, cannot run code when read."""

from __future__ import annotations

from typing import Any

import orjson

_STRICT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
LARGEST = 2**63


class JSONSerializer:
    """Encodes for Django's Redis backend; storing what JSON cannot hold is a ``TypeError``.

    Whole numbers of 64 bits are stored bare, so that the server can count with them; larger ones
    are refused, since JSON would give them back rounded.
    """

    def dumps(self, obj: Any) -> bytes | int:
        """Encode a value for the cache."""
        if type(obj) is int and -LARGEST <= obj < LARGEST:
            return obj
        return orjson.dumps(obj, option=_STRICT)

    def loads(self, data: bytes | int) -> Any:
        """Decode what ``dumps`` made, or what the server counted to."""
        return data if isinstance(data, int) else orjson.loads(data)
