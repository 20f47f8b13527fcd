"""The charset that a body may have, and what Django must not see of any other."""

from __future__ import annotations

CHARSETS = {"utf-8", "utf8", "us-ascii", ""}


def defused(content_type: str) -> str:
    """Keep a charset from Django, which decodes the query string with it while it makes a request.

    ``charset=idna`` and, with too many parameters in the query, even ``charset=utf-8`` raise before
    anybody could answer, and so does a parameter in the coding of RFC 2231, which HTTP does not
    have. What is not UTF-8 becomes a charset that nobody knows, for the middleware to refuse.
    """
    media_type, *parameters = content_type.split(";")
    kept = [media_type]
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        name = name.strip().lower()
        if "*" in name or (name == "charset" and value.strip(' "').lower() not in CHARSETS):
            return f"{media_type}; charset=unknown"
        if name != "charset":
            kept.append(parameter)
    return ";".join(kept)
