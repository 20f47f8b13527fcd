"""Keep in confidence what a request has told: nothing that is said while it runs may repeat it."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from collections import deque
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from quintet.middleware.doors import TwoDoors
from quintet.middleware.streams import follow
from quintet.telemetry import confidence
from quintet.telemetry.redaction import is_secret_name
from quintet.views.parsers import PARSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextvars import Token

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from quintet.middleware.doors import type_of_next

MOST_PARAMETERS = 100
MOST_VALUES = 1_000
_BASIC = "basic"
_FOUND = "_quintet_secrets"


class ConfidenceMiddleware(TwoDoors):
    """Has credentials, cookies, and whatever is named like a secret hidden by their very words.

    They are read from the request when somebody says something, and not before: a request that
    logs nothing but its own line pays for one context variable.
    """

    def __init__(self, get_response: type_of_next) -> None:
        super().__init__(get_response)
        confidence.read_with(secrets_of)

    def enter(self, request: HttpRequest) -> Token[Any]:
        """Keep the request at hand."""
        return confidence.bind(request)

    def leave(
        self, request: HttpRequest, response: HttpResponseBase, *, state: Token[Any]
    ) -> HttpResponseBase:
        """Let it go; a stream has it at hand at every step."""
        confidence.unbind(state)
        if response.streaming:
            follow(response, around=partial(confidence.running, request))
        return response

    def abandon(self, request: HttpRequest, state: Token[Any]) -> None:  # noqa: ARG002 - a hook
        """Let it go all the same."""
        confidence.unbind(state)


def secrets_of(request: HttpRequest) -> Sequence[str]:
    """What ``request`` calls a secret, read once before and once after its body."""
    known = request.__dict__
    stage = PARSED in known, "_post" in known
    found: tuple[tuple[bool, bool], Sequence[str]] | None = known.get(_FOUND)
    if found is None or found[0] != stage:
        found = known[_FOUND] = stage, confidence.worth_hiding(_told(request))
    return found[1]


def _told(request: HttpRequest) -> Iterator[str]:
    yield from _in_headers(request.META)
    query = str(request.META.get("QUERY_STRING", ""))
    with suppress(ValueError):  # more parameters than that
        yield from _named(parse_qsl(query, max_num_fields=MOST_PARAMETERS))
    known = request.__dict__
    yield from _inside(known.get(PARSED))
    form = known.get("_post")
    if form is not None:
        yield from _named((name, value) for name, values in form.lists() for value in values)


def _in_headers(meta: dict[str, Any]) -> Iterator[str]:
    for key, value in meta.items():
        if not key.startswith("HTTP_") or not is_secret_name(key[5:]):
            continue
        yield value
        if key == "HTTP_COOKIE":
            yield from _in_cookies(value)
        elif key == "HTTP_AUTHORIZATION":
            yield from _in_credentials(value)


def _in_cookies(value: str) -> Iterator[str]:
    for pair in value.replace(",", ";").split(";"):  # ASGI puts a comma between two headers
        yield pair.partition("=")[2].strip(' "')


def _in_credentials(value: str) -> Iterator[str]:
    scheme, _, credentials = value.partition(" ")
    yield credentials.strip()
    if scheme.lower() == _BASIC:
        with suppress(NotBase64, ValueError):
            yield b64decode(credentials).decode().partition(":")[2]


def _named(pairs: Iterable[tuple[Any, Any]]) -> Iterator[str]:
    several = islice(pairs, MOST_VALUES)
    return (str(value) for name, value in several if is_secret_name(str(name)))


def _inside(parsed: Any) -> Iterator[str]:
    """Look at any depth, without recursion, and at so many values."""
    left, seen = deque([parsed]), 0
    while left and seen < MOST_VALUES:
        holder = left.popleft()
        if isinstance(holder, list):
            left += (each for each in holder[:MOST_VALUES] if isinstance(each, dict | list))
        elif isinstance(holder, dict):
            for name, value in islice(holder.items(), MOST_VALUES):
                seen += 1
                if is_secret_name(name):
                    yield from _texts(value)
                if isinstance(value, dict | list):
                    left.append(value)


def _texts(value: Any) -> Iterator[str]:
    """A secret may be a text, a number, or several of them."""
    several = value.values() if isinstance(value, dict) else value
    for each in several if isinstance(value, dict | list) else [value]:
        if isinstance(each, str | int | float):
            yield str(each)
