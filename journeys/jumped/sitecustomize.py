"""On the path of a Python process, this sets its wall clock wrong; monotonic ones stay right."""

from __future__ import annotations

import os
import time

JUMP_SECONDS = int(os.environ.get("CLOCK_JUMP_SECONDS", "0"))


class Jumped:
    """No function: a class that keeps the clock as an attribute would make a method of it."""

    def __init__(self, told, jump):
        self.told, self.jump = told, jump

    def __call__(self):
        return self.told() + self.jump


time.time = Jumped(time.time, JUMP_SECONDS)
time.time_ns = Jumped(time.time_ns, JUMP_SECONDS * 1_000_000_000)
