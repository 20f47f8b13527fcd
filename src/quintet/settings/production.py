"""What may be convenient on a laptop and must never serve customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quintet.settings.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from quintet.settings.declarations import Declaration

PRODUCTION = "production"
SHORTEST_SECRET_KEY = 50
FEWEST_DISTINCT_CHARACTERS = 10
PLACEHOLDERS = ("django-insecure-", "change", "insecure", "secret", "example")

_NEW_KEY = (
    "set SECRET_KEY_FILE to a file with the output of: "
    "python -c 'import secrets; print(secrets.token_urlsafe(64))'"
)


def refusals(
    values: Mapping[str, Any],
    origins: Mapping[str, str],
    declarations: Mapping[str, Declaration],
) -> Iterator[Problem]:
    """Yield what keeps these values from running in production; nothing elsewhere."""
    if values.get("SERVICE_ENVIRONMENT") != PRODUCTION:
        return
    if values.get("DEBUG"):
        yield _refuse("DEBUG", expected="false", got="true", remedy="unset DEBUG")
    if weakness := weakness_of(values.get("SECRET_KEY", "")):
        expected = f"at least {SHORTEST_SECRET_KEY} random characters"
        yield _refuse("SECRET_KEY", expected=expected, got=weakness, remedy=_NEW_KEY)
    yield from _open_hosts(values.get("ALLOWED_HOSTS"))
    for name, declaration in declarations.items():
        nothing = origins.get(name) == "default" or values.get(name) in ("", (), {})
        if declaration.required_in_production and nothing:
            remedy = f"set {name}, or {name}_FILE to a file"
            yield _refuse(name, expected=declaration.expected, got="nothing", remedy=remedy)


def weakness_of(key: str) -> str | None:
    """Say why ``key`` could be guessed, without showing it; ``None`` when it looks random."""
    if not key:
        return None
    if key.lower().startswith(PLACEHOLDERS):
        return "a placeholder"
    if len(key) < SHORTEST_SECRET_KEY:
        return f"only {len(key)}"
    if len(set(key)) < FEWEST_DISTINCT_CHARACTERS:
        return f"only {len(set(key))} different ones"
    return None


def _open_hosts(hosts: tuple[str, ...] | None) -> Iterator[Problem]:
    if hosts is None or (hosts and "*" not in hosts):
        return
    yield _refuse(
        "ALLOWED_HOSTS",
        expected="the host names that this service answers to, separated by commas",
        got="*, which is any host" if hosts else "nothing",
        remedy="set ALLOWED_HOSTS, for example to shop.example,users",
    )


def _refuse(name: str, *, expected: str, got: str, remedy: str) -> Problem:
    return Problem(variable=name, expected=f"{expected} in production", got=got, remedy=remedy)
