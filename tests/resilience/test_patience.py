from __future__ import annotations

import pytest

from quintet.resilience.patience import PACE_BYTES_PER_SECOND, START_SECONDS, Patience


def test_waiting_wears_patience_off():
    patience = Patience()

    patience.account(START_SECONDS, received_bytes=1)

    assert patience.seconds == pytest.approx(0, abs=0.001)


def test_who_keeps_the_pace_may_send_for_ever():
    patience = Patience()

    for _ in range(1000):
        patience.account(1, received_bytes=PACE_BYTES_PER_SECOND)

    assert patience.seconds == START_SECONDS


def test_what_came_fast_does_not_pay_for_a_long_silence():
    patience = Patience()

    patience.account(0.01, received_bytes=1_000_000_000)

    assert patience.seconds == START_SECONDS


def test_a_byte_now_and_then_is_no_pace():
    patience = Patience(start_seconds=5)
    waits = 0

    while patience.seconds > 0:
        patience.account(1, received_bytes=1)
        waits += 1

    assert waits == 6
