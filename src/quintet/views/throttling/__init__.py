"""How often a caller may ask: per principal, per client address, per route.

``RATE_LIMIT`` holds for every view of DRF; ``rate_limit`` in a view holds in its place. What is
counted, and under whose name, is decided here; how, in ``quintet.resilience.rates``.
"""

from __future__ import annotations

from quintet.views.throttling.attempts import attempt
from quintet.views.throttling.declared import (
    DEFAULT,
    UNLIMITED,
    Declared,
    Policy,
    RateLimit,
    limit_of,
)
from quintet.views.throttling.judging import FIGURES, POLICY_HEADER, STANDING_HEADER, judge
from quintet.views.throttling.throttle import RateThrottle, count_failed

__all__ = [
    "DEFAULT",
    "FIGURES",
    "POLICY_HEADER",
    "STANDING_HEADER",
    "UNLIMITED",
    "Declared",
    "Policy",
    "RateLimit",
    "RateThrottle",
    "attempt",
    "count_failed",
    "judge",
    "limit_of",
]
