"""Counts across processes and machines, in Redis or Valkey: one script, one round trip."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha1
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

from limits.storage import RedisStorage
from redis.exceptions import NoScriptError

from quintet.resilience.rates import PARTS, Standing, Uncountable, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis import Redis

    from quintet.settings.rates import Rate

ANSWER_SECONDS = 0.25
"""How long one look may take: to count is worth less than to answer."""


class _Script:
    """What the server runs, and the name under which it keeps it."""

    def __init__(self, file: str) -> None:
        self.text = resources.files("quintet.views.throttling").joinpath(file).read_text("utf-8")
        self.name = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


_WINDOW = _Script("window.lua")
_GIVEN_BACK = _Script("given_back.lua")


class SharedRateLimiter:
    """Counts in a server that all processes of a service ask.

    The storage is that of ``limits``; its strategies would ask once more for the figures of the
    headers, on the clock of whoever asks, and let twice the amount through at the seam of two
    windows.
    """

    def __init__(self, url: str, *, prefix: str) -> None:
        self._storage = storage = RedisStorage(
            url,
            key_prefix=prefix,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
        )
        self._errors = storage.base_exceptions
        self._key = storage.prefixed_key
        self._client: Redis = storage.storage

    def ask(self, caller: str, rates: Sequence[Rate]) -> Verdict:
        """Grant one more request if every rate allows it, or raise ``Uncountable``."""
        found = cast("list[int]", self._run(_WINDOW, caller, PARTS, *_numbers(tuple(rates))))
        pairs = range(1, len(found), 2)
        standings = [Standing(found[at], found[at + 1] / 1000) for at in pairs]
        return Verdict(bool(found[0]), standings)

    def give_back(self, caller: str) -> None:
        """Undo the last grant of a caller, or raise ``Uncountable``."""
        self._run(_GIVEN_BACK, caller)

    def forget(self) -> None:
        """Begin anew with everybody who was counted under this prefix."""
        try:
            self._storage.reset()
        except self._errors as error:
            raise Uncountable(str(error)) from error

    def _run(self, script: _Script, caller: str, *arguments: int) -> Any:
        """Name the script, and send it only to a server that has not seen it yet."""
        key = self._key(caller)
        try:
            try:
                return self._client.evalsha(script.name, 1, key, *arguments)
            except NoScriptError:
                return self._client.eval(script.text, 1, key, *arguments)
        except self._errors as error:
            raise Uncountable(str(error)) from error


@lru_cache(maxsize=256)
def _numbers(rates: tuple[Rate, ...]) -> tuple[int, ...]:
    """Amount and milliseconds of each rate, one after the other."""
    return tuple(number for rate in rates for number in (rate.amount, rate.seconds * 1000))
