"""What becomes of one request: counted, and either answered with the figures or refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import Counter

from quintet.errors import RateLimitException, ServiceException, UnavailableException
from quintet.resilience.outage import RETRY_SECONDS
from quintet.telemetry import metrics
from quintet.views.throttling.callers import key_of
from quintet.views.throttling.counting import counting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from quintet.resilience.rates import Verdict
    from quintet.views.throttling.declared import Policy, RateLimit

MOST_POLICIES = 100
LIMITED = metrics.Series(
    Counter("http_requests_limited", "Requests refused because of a rate limit.", ["policy"]),
    limit=MOST_POLICIES,
)

POLICY_HEADER, STANDING_HEADER = "RateLimit-Policy", "RateLimit"
"""Two structured fields of RFC 9651, as draft-ietf-httpapi-ratelimit-headers-11 names them."""

FIGURES = "rate_limit_figures"
"""Where a request keeps the headers for whatever it is answered with."""


class Judgement(NamedTuple):
    """The headers that the answer carries, and the error that it is if the request is refused."""

    headers: Mapping[str, str]
    refusal: ServiceException | None = None


def judge(request: HttpRequest, limit: RateLimit) -> Judgement:
    """Count a request of whoever asks; an error that answers it will carry the headers too."""
    policy = limit.policy()
    if policy is None:
        return Judgement({})
    caller = key_of(request, policy.identity)
    verdict = counting().ask(caller, policy.rates, fail_closed=limit.fail_closed)
    headers = request.__dict__[FIGURES] = {POLICY_HEADER: policy.header}
    if verdict is not None:
        headers[STANDING_HEADER] = ", ".join(
            f'"{name}";r={left};t={math.ceil(seconds)}'
            for name, (left, seconds) in zip(policy.names, verdict.standings, strict=True)
        )
    return Judgement(headers, refusal_of(policy, verdict))


def refusal_of(policy: Policy, verdict: Verdict | None) -> ServiceException | None:
    """The error of whoever is not let in; without a verdict nobody is."""
    if verdict is None:
        return UnavailableException("Nobody can be let in now.", RETRY_SECONDS)
    return None if verdict.granted else _spent(policy, verdict)


def _spent(policy: Policy, verdict: Verdict) -> RateLimitException:
    spent = [number for number, standing in enumerate(verdict.standings) if standing.left == 0]
    if metrics.enabled():
        for number in spent:
            LIMITED.child(policy.names[number]).inc()
    rates = " and ".join(str(policy.rates[number]) for number in spent)
    return RateLimitException(f"Too many requests: the limit is {rates}.", verdict.retry_seconds)
