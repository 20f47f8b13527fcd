"""Who counts: a server that all processes ask, and this process while that one is lost."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from prometheus_client import Counter

from quintet import conf
from quintet.resilience.outage import Outage
from quintet.resilience.rates import LocalRateLimiter, Uncountable
from quintet.settings.derive import redis_url
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quintet.resilience.rates import RateLimiter, Verdict
    from quintet.settings.rates import Rate

OUTAGES = Counter(
    "rate_limit_outages", "Times that requests could no longer be counted across processes."
)
_ALONE = ("", "locmemcache", "dummycache")

log = get_logger("quintet.throttling")


class Counting:
    """Asks the first of two limiters, and the second one while the first does not answer."""

    def __init__(self, first: RateLimiter, second: RateLimiter, *, outage: Outage) -> None:
        self._first = first
        self._second = second
        self._outage = outage

    def ask(self, caller: str, rates: Sequence[Rate], *, fail_closed: bool) -> Verdict | None:
        """Grant or refuse; ``None`` when the first one is lost and the second not good enough."""
        verdict = None if self._outage.spares() else self._ask_first(caller, rates)
        if verdict is None and not fail_closed:
            return self._second.ask(caller, rates)
        return verdict

    def _ask_first(self, caller: str, rates: Sequence[Rate]) -> Verdict | None:
        try:
            verdict = self._first.ask(caller, rates)
        except Uncountable as error:
            if self._outage.begin():
                OUTAGES.inc()
                log.warning("rate limits hold in each process alone", reason=str(error))
            return None
        if self._outage.end():
            log.info("rate limits hold across processes again")
        return verdict


def counting() -> Counting:
    """The counting of this process."""
    env = conf.current()
    return _counting(env.CACHE_URL, env.SERVICE_NAME)


def is_shared() -> bool:
    """Whether all processes of the service count together."""
    return urlsplit(conf.current().CACHE_URL).scheme not in _ALONE


@lru_cache(maxsize=8)
def _counting(url: str, service: str) -> Counting:
    return Counting(_first(url, service), LocalRateLimiter(), outage=Outage())


def _first(url: str, service: str) -> RateLimiter:
    if urlsplit(url).scheme in _ALONE:
        return LocalRateLimiter()
    # Not at the top: the libraries are an extra, and heavy.
    from quintet.views.throttling.shared import SharedRateLimiter

    return SharedRateLimiter(redis_url(url), prefix=f"{service}:rate")
