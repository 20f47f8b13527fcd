"""What may be shown of a value that holds, or may hold, a secret."""

from __future__ import annotations

import re

HIDDEN = "********"

# From the first colon that may stand before a password to the last @: too much rather than too
# little, since what is shown here is often a URL that somebody got wrong.
_PASSWORD_IN_URL = re.compile(r"(?s)^(?P<shown>(?:[A-Za-z][\w+.-]*:/{1,3})?[^:@]*):.*@")
_SECRET_IN_QUERY = re.compile(
    r"(?i)(?P<name>[?&][^=&#]*(?:password|passwd|pwd|secret|token|key|signature)[^=&#]*=)[^&#]+"
)


def mask_url(value: str) -> str:
    """Hide the password of a URL and the secrets of its query, also when it is malformed."""
    masked = _PASSWORD_IN_URL.sub(rf"\g<shown>:{HIDDEN}@", value)
    return _SECRET_IN_QUERY.sub(rf"\g<name>{HIDDEN}", masked)


def mask(value: object, *, secret: bool) -> str:
    """Show ``value`` in a report or on a screen: all of it, its harmless part, or nothing."""
    if value in ("", None, (), {}):
        return ""
    if secret:
        return HIDDEN
    if isinstance(value, tuple):
        return ",".join(mask_url(str(each)) for each in value)
    if hasattr(value, "items"):
        return ",".join(f"{name}={mask_url(str(each))}" for name, each in value.items())
    return mask_url(str(value))
