"""The value of ``AUTH_SIGNING_KEYS`` from one step of a rotation to the next.

Each step takes the text of the value and returns the text of the next; who runs a step decides
where that goes. The first key signs, further private ones may sign later, public ones never again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from quintet.auth.keys import KEYS_MAX, generate_key, own_keys, public_pem, signing_blocks

Role: TypeAlias = Literal["signs", "published", "retired"]

SIGNS: Final = "signs"
PUBLISHED: Final = "published"
RETIRED: Final = "retired"


class StepRefused(ValueError):
    """A step that would break the rotation; the text says what to do before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One of the keys; the private half, if it is there, stays out of every print."""

    kid: str
    role: Role
    pem: str = field(repr=False)


def keys_in(value: str) -> list[Key]:
    """The keys of the value in order; ``ValueError`` says what is wrong with it."""
    if own_keys(value) is None:
        return []
    found: dict[str, Key] = {}
    for kid, private, pem in signing_blocks(value):
        role: Role = RETIRED
        if private:
            role = PUBLISHED if found else SIGNS
        if kid not in found or (private and found[kid].role == RETIRED):
            found[kid] = Key(kid=kid, role=role, pem=pem)
    return list(found.values())


def add(value: str) -> str:
    """Append a new key: it is published and signs nothing, unless it is the only one."""
    keys = keys_in(value)
    if len(keys) >= KEYS_MAX:
        raise StepRefused(
            f"There are {len(keys)} keys, and nobody reads more than {KEYS_MAX}: remove one first."
        )
    return _text([*(key.pem for key in keys), generate_key()])


def switch(value: str, kid: str = "") -> str:
    """Let another key sign; which one need not be said when there is only one that could."""
    keys = keys_in(value)
    waiting = [key for key in keys if key.role == PUBLISHED]
    if not kid and len(waiting) != 1:
        raise StepRefused(f"{len(waiting)} keys could sign{_named(waiting)}: say which one.")
    chosen = _chosen(keys, kid) if kid else waiting[0]
    if chosen.role == RETIRED:
        raise StepRefused(f"The key {chosen.kid} is public only, so it cannot sign: add a new one.")
    return _text([chosen.pem, *(key.pem for key in keys if key is not chosen)])


def retire(value: str, kid: str) -> str:
    """Forget the private half of a key that signs no more; its tokens stay good."""
    keys = keys_in(value)
    chosen = _not_signing(keys, kid)
    return _text([public_pem(key.pem) if key is chosen else key.pem for key in keys])


def remove(value: str, kid: str) -> str:
    """Take a key away; its tokens are refused from then on."""
    keys = keys_in(value)
    chosen = _not_signing(keys, kid)
    return _text([key.pem for key in keys if key is not chosen])


def replace() -> str:
    """Put one new key in the place of all others, of which nobody knows who has them."""
    return generate_key()


def _not_signing(keys: list[Key], kid: str) -> Key:
    chosen = _chosen(keys, kid)
    if chosen.role == SIGNS:
        raise StepRefused(f"The key {kid} signs: switch to another one first.")
    return chosen


def _chosen(keys: list[Key], kid: str) -> Key:
    for key in keys:
        if key.kid == kid:
            return key
    raise StepRefused(f"There is no key {kid!r}{_named(keys)}.")


def _named(keys: list[Key]) -> str:
    return f" ({', '.join(key.kid for key in keys)})" if keys else ""


def _text(blocks: list[str]) -> str:
    return "".join(f"{block.strip()}\n" for block in blocks)
