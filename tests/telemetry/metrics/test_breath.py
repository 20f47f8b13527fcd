"""Long work in small slices."""

from __future__ import annotations

from quintet.telemetry.metrics.breath import REST_SECONDS, SLICE_SECONDS, Breath


class Clock:
    def __init__(self):
        self.now = 0.0
        self.rests = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.rests.append((self.now, seconds))
        self.now += seconds


def test_it_rests_when_a_slice_is_over_and_only_then():
    clock = Clock()
    breath = Breath(clock=clock, sleep=clock.sleep)

    for _ in range(100):
        clock.now += SLICE_SECONDS / 10
        breath()

    assert {seconds for _, seconds in clock.rests} == {REST_SECONDS}
    assert len(clock.rests) in {9, 10}
    worked = [
        after - before - REST_SECONDS
        for (before, _), (after, _) in zip(clock.rests, clock.rests[1:], strict=False)
    ]
    assert max(worked) < SLICE_SECONDS * 1.11
