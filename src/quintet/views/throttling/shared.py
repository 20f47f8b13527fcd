"""Counts across processes and machines, in Redis or Valkey: one script, one round trip."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from limits.storage import RedisStorage
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostConnection
from redis.retry import Retry

from quintet.resilience.rates import PARTS, Standing, Uncountable, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quintet.settings.rates import Rate

ANSWER_SECONDS = 0.25
"""How long one look may take: to count is worth less than to answer."""

_SCRIPT = resources.files("quintet.views.throttling").joinpath("window.lua").read_bytes()


class SharedRateLimiter:
    """Counts in a server that all processes of a service ask.

    The storage is that of ``limits``; its strategies would ask once more for the figures of the
    headers, on the clock of whoever asks, and let twice the amount through at the seam of two
    windows.
    """

    def __init__(self, url: str, *, prefix: str) -> None:
        options: dict[str, Any] = {
            "socket_timeout": ANSWER_SECONDS,
            "socket_connect_timeout": ANSWER_SECONDS,
            # A connection that the server closed meanwhile is replaced; nothing else is repeated.
            "retry": Retry(NoBackoff(), 1, supported_errors=(LostConnection,)),
        }
        storage = RedisStorage(url, key_prefix=prefix, **options)
        self._errors = storage.base_exceptions
        self._key = storage.prefixed_key
        self._script = storage.get_connection().register_script(_SCRIPT)

    def ask(self, caller: str, rates: Sequence[Rate]) -> Verdict:
        """Grant one more request if every rate allows it, or raise ``Uncountable``."""
        arguments = [PARTS]
        for rate in rates:
            arguments += (rate.amount, rate.seconds * 1000)
        try:
            granted, *figures = self._script([self._key(caller)], arguments)
        except self._errors as error:
            raise Uncountable(str(error)) from error
        pairs = zip(figures[::2], figures[1::2], strict=True)
        return Verdict(bool(granted), [Standing(left, ms / 1000) for left, ms in pairs])
