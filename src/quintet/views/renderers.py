"""JSON out, encoded by orjson."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from rest_framework.renderers import JSONRenderer as PlainJSONRenderer
from rest_framework.utils.encoders import JSONEncoder

if TYPE_CHECKING:
    from collections.abc import Mapping

_MEDIA_TYPE = "application/json"
_ENDS_A_LINE = {"\u2028".encode(): b"\\u2028", "\u2029".encode(): b"\\u2029"}

_default = JSONEncoder().default


class JSONRenderer(PlainJSONRenderer):
    """Renders as DRF does, several times faster; what orjson refuses, DRF's own encoder gets.

    That is indented JSON, keys that are no text, integers above 64 bits and halves of surrogate
    pairs. A float that is not finite becomes ``null``, as in JavaScript.
    """

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return ``data`` as UTF-8; nothing at all for ``None``."""
        indented = renderer_context is not None and "indent" in renderer_context
        if data is None or indented or accepted_media_type not in {_MEDIA_TYPE, None}:
            return super().render(data, accepted_media_type, renderer_context)
        try:
            rendered = orjson.dumps(data, default=_default, option=orjson.OPT_UTC_Z)
        except TypeError:
            return super().render(data, accepted_media_type, renderer_context)
        return rendered if rendered.isascii() else _escaped(rendered)


def _escaped(rendered: bytes) -> bytes:
    """Keep JSON a subset of JavaScript, where two characters of Unicode end a line."""
    for character, escape in _ENDS_A_LINE.items():
        rendered = rendered.replace(character, escape)
    return rendered
