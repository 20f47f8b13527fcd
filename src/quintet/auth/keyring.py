"""The keys of the trusted issuers, kept so that verifying a token does no I/O.

- Fresh for five minutes; then the old keys are used while one thread renews them in the background.
- Overdue after ten, in a process that nobody asked meanwhile: who comes then waits for new keys, so
  that a key that was taken away in an emergency is not accepted after a quiet night.
- An issuer that is down changes nothing for a day: the keys at hand are used.
- A key id that is not known asks the issuer at once, because a key may just have been rotated in;
  but once per cooldown only, or forged key ids would turn into a flood of requests.
- No lock is held during a fetch. Threads without a key wait for the one that fetches, others do
  not.
- A server asks for all keys as soon as it starts. If it waited for the first token, a crowd of
  requests could hold every thread of an issuer that calls this service, and none would be left to
  tell its keys.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from quintet.auth.keys import public_keys
from quintet.auth.sources import FETCH_SECONDS_MAX, KeySource, UnknownIssuer
from quintet.errors import ServiceException, UnavailableException
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

FRESH_SECONDS = 300.0
OVERDUE_SECONDS = 600.0
USABLE_SECONDS = 24 * 3600.0
COOLDOWN_SECONDS = 30.0
RETRY_SECONDS = 2.0
WARM_SECONDS = 0.5

log = get_logger("quintet.auth")


class _Entry:
    """What is known about one issuer; changed only under the lock of its ring."""

    __slots__ = (
        "done", "failing", "fetched_at", "flying", "keys", "tried_at", "trusted", "unknown_at",
    )  # fmt: skip

    def __init__(self) -> None:
        self.keys: dict[str, EllipticCurvePublicKey] = {}
        self.fetched_at = self.tried_at = self.unknown_at = -math.inf
        self.failing, self.flying, self.trusted = False, False, True
        self.done = threading.Event()


class KeyRing:
    """Finds the key that a token names.

    ``clock`` is monotonic; ``start`` runs a job in the background; ``pause`` waits for seconds.
    """

    def __init__(
        self,
        source: KeySource,
        *,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[[Callable[[], None]], None] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.source = source
        self._clock = clock
        self._start = start or _in_background
        self._pause = pause
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    def find(self, issuer: str, kid: str) -> EllipticCurvePublicKey | None:
        """The issuer's key of this id, or ``None``.

        Raises:
            UnknownIssuer: the issuer is not trusted.
            UnavailableException: there are no keys of the issuer, and none can be had now.
        """
        with self._lock:
            entry = self._entries.setdefault(issuer, _Entry())
            age = self._clock() - entry.fetched_at
            key = entry.keys.get(kid)
        if age > USABLE_SECONDS:
            self._obtain(issuer, entry)
            return entry.keys.get(kid)
        if key is None:
            self._look_again(issuer, entry)
            return entry.keys.get(kid)
        if age > OVERDUE_SECONDS and not entry.failing:
            self._look_before_trusting(issuer, entry)
            return entry.keys.get(kid)
        if age > FRESH_SECONDS and self._claim(entry, "tried_at", COOLDOWN_SECONDS):
            self._renew_in_background(issuer, entry)
        return key

    def warm(self, issuers: Iterable[str]) -> None:
        """Ask in the background for the keys of the issuers until those of each have been seen."""
        missing = set(issuers)
        if missing:
            self._start(lambda: self._ask_until_known(missing))

    def _ask_until_known(self, missing: set[str]) -> None:
        while missing := {issuer for issuer in missing if not self._known(issuer)}:
            self._pause(WARM_SECONDS)

    def _known(self, issuer: str) -> bool:
        """Whether the keys are there, if need be after asking; an issuer may not be up yet."""
        with self._lock:
            entry = self._entries.setdefault(issuer, _Entry())
            known = bool(entry.keys)
        if known:
            return True
        try:
            keys = public_keys(self.source.fetch(issuer))
        except (UnknownIssuer, ServiceException) as error:
            log.debug("issuer keys not there yet", issuer=issuer, reason=str(error))
            return False
        with self._lock:
            if keys:
                entry.keys, entry.fetched_at = keys, self._clock()
        return bool(keys)

    def _renew_in_background(self, issuer: str, entry: _Entry) -> None:
        try:
            self._start(lambda: self._renew(issuer, entry))
        except RuntimeError as error:  # no thread is to be had: the keys at hand are good enough
            log.warning("issuer keys not renewed", issuer=issuer, reason=str(error))
            self._land(entry)

    def _renew(self, issuer: str, entry: _Entry) -> None:
        with suppress(UnknownIssuer):
            self._fetch(issuer, entry)

    def _obtain(self, issuer: str, entry: _Entry) -> None:
        """Get keys where there are none: fetch, or wait for the thread that does."""
        if self._claim(entry, "tried_at", RETRY_SECONDS):
            self._fetch(issuer, entry)
        else:
            _wait(entry)
        if not entry.trusted:
            raise UnknownIssuer(issuer)
        if self._clock() - entry.fetched_at > USABLE_SECONDS:
            raise UnavailableException(
                f"The keys of {issuer} cannot be had, so its tokens cannot be verified.",
                retry_after_seconds=int(RETRY_SECONDS),
            )

    def _look_before_trusting(self, issuer: str, entry: _Entry) -> None:
        """The keys are too old to be believed unseen; those at hand are good if none can be had."""
        if self._claim(entry, "tried_at", COOLDOWN_SECONDS):
            self._fetch(issuer, entry)
        else:
            _wait(entry)

    def _look_again(self, issuer: str, entry: _Entry) -> None:
        """A key id is not among the keys: it was rotated in just now, or it is forged."""
        if self._claim(entry, "unknown_at", COOLDOWN_SECONDS):
            self._fetch(issuer, entry)
        else:
            _wait(entry)

    def _claim(self, entry: _Entry, stamp: str, cooldown: float) -> bool:
        """Whether this thread is to fetch; one at a time is, and not again within the cooldown."""
        now = self._clock()
        with self._lock:
            if entry.flying or now - getattr(entry, stamp) < cooldown:
                return False
            setattr(entry, stamp, now)
            entry.tried_at = now
            entry.flying = True
            entry.done.clear()
            return True

    def _fetch(self, issuer: str, entry: _Entry) -> None:
        keys: dict[str, EllipticCurvePublicKey] = {}
        try:
            keys = public_keys(self.source.fetch(issuer))
        except UnknownIssuer:
            with self._lock:
                self._entries.pop(issuer, None)
                entry.trusted = False
            raise
        except ServiceException as error:
            log.warning("issuer keys not fetched", issuer=issuer, reason=error.message)
        finally:
            self._take_over(entry, keys)
            self._land(entry)

    def _take_over(self, entry: _Entry, keys: dict[str, EllipticCurvePublicKey]) -> None:
        """Use what was fetched; a document without usable keys is an outage."""
        with self._lock:
            entry.failing = not keys
            if keys:
                entry.keys, entry.fetched_at = keys, self._clock()

    def _land(self, entry: _Entry) -> None:
        """Let those go on who wait for the fetch."""
        with self._lock:
            entry.flying = False
            entry.done.set()


def _wait(entry: _Entry) -> None:
    if entry.flying:
        entry.done.wait(FETCH_SECONDS_MAX + 1.0)


def _in_background(job: Callable[[], None]) -> None:
    threading.Thread(target=job, name="quintet-auth-keys", daemon=True).start()
