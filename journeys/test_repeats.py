"""B6, B7: what is asked a second time, and not before it may be."""

from __future__ import annotations

from contextlib import contextmanager

import leaf
import load
import pytest
import servers
from load import JSON, Call

PATIENCE_SECONDS = 10
NUMBER = {"X-Correlation-ID": "request-{n}-of-the-journey"}
FEW = 8
"""As many retries as a process has that calls rarely."""


pytestmark = pytest.mark.counted


@pytest.fixture
def last():
    with leaf.growing() as grown:
        yield grown


@contextmanager
def relaying(scratch, last):
    """The stage, which asks the last one, and waits longer for it than it would."""
    patience = str(PATIENCE_SECONDS)
    with servers.stage(
        scratch,
        NEXT_SERVICE_URL=last.url,
        CLIENT_ATTEMPT_SECONDS="0.3",
        CLIENT_TIMEOUT_SECONDS=patience,
        REQUEST_TIMEOUT_SECONDS=patience,
    ) as server:
        yield server


def asked(server, method, headers):
    call = Call(path="/api/v1/relay/", method=method, headers={**JSON, **NUMBER, **headers})
    return load.ask(
        server, call, per_second=FEW / 2, seconds=2, timeout_seconds=PATIENCE_SECONDS + 1
    )


def pauses(last):
    """How long after its first attempt each request was made a second time."""
    return [later.at - first.at for first, later in last.attempts().values()]


def test_b6_a_deed_without_a_key_is_not_done_twice_when_nobody_answers(scratch, last, figures):
    last.first = leaf.First(seconds=2.0)
    with relaying(scratch, last) as ours:
        outcomes = asked(ours, "POST", {"X-Request-Timeout-Ms": "1000"})

    figures.note(
        scenario="B6",
        what="attempts at deeds without a key, of which nobody knows whether they were done",
        ours=f"{len(last.asked)} for {len(outcomes)}",
        stock="",
        to_reach="one for each",
    )
    assert len(last.asked) == len(outcomes)
    assert {one.status for one in outcomes} == {504}


def test_b6_a_deed_with_a_key_is_done_in_the_end_and_once(scratch, last, figures):
    last.first = leaf.First(seconds=1.0)
    with relaying(scratch, last) as ours:
        outcomes = asked(ours, "POST", {"Idempotency-Key": "deed-{n}"})

    attempts = last.attempts().values()
    figures.note(
        scenario="B6",
        what="deeds with a key that were answered late, and then",
        ours=f"{sum(one.ok for one in outcomes)} of {len(outcomes)}",
        stock="",
        to_reach="all, each with one key",
    )
    assert load.share(outcomes) == 1
    assert all(len(each) == 2 for each in attempts)
    assert all(len({one.key for one in each}) == 1 for each in attempts)
    assert len({one.key for one in last.asked}) == len(outcomes)


def test_b7_nobody_comes_back_before_he_may_and_not_all_at_once(scratch, last, figures):
    last.first = leaf.First(answer=leaf.Answer(leaf.BUSY, {"Retry-After": "2"}))
    with relaying(scratch, last) as ours:
        outcomes = asked(ours, "GET", {})

    waited = pauses(last)
    figures.note(
        scenario="B7",
        what="asked again after `Retry-After: 2`",
        ours=f"{min(waited):.3f} to {max(waited):.3f} s",
        stock="",
        to_reach="≥ 2 s, spread",
    )
    assert load.share(outcomes) == 1
    assert min(waited) >= 2
    assert len({round(each, 3) for each in waited}) > FEW / 2


@pytest.mark.parametrize("said", ["-1", "soon"])
def test_b7_who_says_what_nobody_understands_is_left_alone(scratch, last, said):
    last.first = leaf.First(answer=leaf.Answer(leaf.BUSY, {"Retry-After": said}))
    with relaying(scratch, last) as ours:
        outcomes = asked(ours, "GET", {})

    assert len(last.asked) == len(outcomes)
    assert load.share(outcomes) == 0
