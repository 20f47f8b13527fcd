"""Attempts upon something that many may try and one may do: a password, a code, a voucher."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from quintet.views.throttling.callers import key_of_subject
from quintet.views.throttling.counting import counting
from quintet.views.throttling.judging import refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quintet.views.throttling.declared import RateLimit


@contextmanager
def attempt(limit: RateLimit, subject: str) -> Iterator[None]:
    """Let a block try something upon ``subject``, whoever asks for it; a success does not count.

    It is counted first, or a crowd would be let in before anybody has failed, and given back when
    the block ends without an error. The answer carries no figures: they would tell whether somebody
    else has tried.
    """
    policy = limit.policy()
    if policy is None:
        yield
        return
    counted = key_of_subject(subject, policy.identity)
    verdict = counting().ask(counted, policy.rates, fail_closed=limit.fail_closed)
    refusal = refusal_of(policy, verdict)
    if refusal is not None:
        raise refusal
    yield
    counting().give_back(counted)
