"""Who counts: a server that all processes ask, and this process while that one is lost."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from prometheus_client import Counter

from quintet import conf
from quintet.resilience.outage import Outage
from quintet.resilience.rates import LocalRateLimiter, Uncountable
from quintet.settings.derive import redis_url
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quintet.resilience.rates import RateLimiter, Verdict
    from quintet.settings.rates import Rate

T = TypeVar("T")

OUTAGES = Counter(
    "rate_limit_outages", "Times that requests could no longer be counted across processes."
)
_ALONE = ("", "locmemcache", "dummycache")
_made: dict[tuple[str, str], Counting] = {}

log = get_logger("quintet.throttling")


class Counting:
    """Asks the first of two limiters, and the second one while the first does not answer."""

    def __init__(self, first: RateLimiter, second: RateLimiter, *, outage: Outage) -> None:
        self._first = first
        self._second = second
        self._outage = outage

    def ask(self, caller: str, rates: Sequence[Rate], *, fail_closed: bool) -> Verdict | None:
        """Grant or refuse; ``None`` when the first one is lost and the second not good enough."""
        verdict = None
        if not self._outage.spares():
            verdict = self._try_first(lambda: self._first.ask(caller, rates))
        if verdict is None and not fail_closed:
            return self._second.ask(caller, rates)
        return verdict

    def give_back(self, caller: str) -> None:
        """Undo the last grant where it was counted; the one who counts may be lost meanwhile."""
        self._second.give_back(caller)
        if not self._outage.spares():
            self._try_first(lambda: self._first.give_back(caller))

    def forget(self) -> None:
        """Begin anew with everybody, as far as that can be reached."""
        self._second.forget()
        with suppress(Uncountable):
            self._first.forget()

    def _try_first(self, call: Callable[[], T]) -> T | None:
        try:
            answer = call()
        except Uncountable as error:
            if self._outage.begin():
                OUTAGES.inc()
                log.warning("rate limits hold in each process alone", reason=str(error))
            return None
        if self._outage.end():
            log.info("rate limits hold across processes again")
        return answer


def counting() -> Counting:
    """The counting of this process."""
    env = conf.current()
    place = env.CACHE_URL, env.SERVICE_NAME
    found = _made.get(place)
    if found is None:
        made = Counting(_first(*place), LocalRateLimiter(), outage=Outage())
        found = _made.setdefault(place, made)
    return found


def forget() -> None:
    """Let nobody be known from one test to the next."""
    while _made:
        _made.popitem()[1].forget()


def is_shared() -> bool:
    """Whether all processes of the service count together."""
    return urlsplit(conf.current().CACHE_URL).scheme not in _ALONE


def _first(url: str, service: str) -> RateLimiter:
    if urlsplit(url).scheme in _ALONE:
        return LocalRateLimiter()
    # Not at the top: the libraries are an extra, and heavy.
    from quintet.views.throttling.shared import SharedRateLimiter

    return SharedRateLimiter(redis_url(url), prefix=f"{service}:rate")
