"""Take a token apart without believing a word of it.

Stricter than the standard: one spelling per token. No padding, no stray bits, no third dot, no
member twice, and no header member but ``alg``, ``kid`` and ``typ``, so that a ``jku``, ``jwk``,
``x5u`` or ``crit`` never has a meaning.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from quintet.auth.keys import ALGORITHM, decoded

TOKEN_BYTES_MAX = 4096
BRACKETS_MAX = 16
USER_TYPE = "at+jwt"
SERVICE_TYPE = "service+jwt"

_SHAPE = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_INSTANT_MAX = 2**53
_BRACKETS = re.compile(rb"[\[{]")


class Refusal(Exception):
    """Why a token is refused: for the log; the sender learns only that it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unverified:
    """A well-formed token, signed by nobody knows whom."""

    kid: str
    typ: str
    issuer: str
    claims: dict[str, Any]


def unpacked(token: str) -> Unverified:
    """Judge the form of a token; raise ``Refusal`` with the first thing that is wrong."""
    if len(token) > TOKEN_BYTES_MAX:
        raise Refusal("too long")
    shape = _SHAPE.fullmatch(token)
    if shape is None:
        raise Refusal("not three base64url segments")
    header, claims = _object(shape[1]), _object(shape[2])
    _bytes(shape[3])
    if header.keys() != {"alg", "kid", "typ"}:
        raise Refusal("header members other than alg, kid and typ")
    if header["alg"] != ALGORITHM:
        raise Refusal("algorithm")
    if header["typ"] not in (USER_TYPE, SERVICE_TYPE) or not isinstance(header["kid"], str):
        raise Refusal("header values")
    _judge_claims(claims)
    return Unverified(kid=header["kid"], typ=header["typ"], issuer=claims["iss"], claims=claims)


def _judge_claims(claims: dict[str, Any]) -> None:
    for name in ("iss", "sub", "aud", "jti"):
        if not isinstance(claims.get(name), str) or not claims[name]:
            raise Refusal(f"claim {name}")
    for name in ("exp", "iat", "nbf"):
        value = claims.get(name)
        if type(value) is not int or not 0 <= value < _INSTANT_MAX:
            raise Refusal(f"claim {name}")


def _object(segment: str) -> dict[str, Any]:
    raw = _bytes(segment)
    # Counted before anything is parsed: PyJWT parses once more, with less of the stack left.
    if len(_BRACKETS.findall(raw)) > BRACKETS_MAX:
        raise Refusal("too many brackets")
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except ValueError as error:
        raise Refusal("not JSON") from error
    if not isinstance(value, dict):
        raise Refusal("not a JSON object")
    return value


def _bytes(segment: str) -> bytes:
    try:
        return decoded(segment)
    except ValueError as error:
        raise Refusal("not canonical base64url") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
