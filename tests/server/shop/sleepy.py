"""Settings that take their time, and may swallow what should end the process."""

from __future__ import annotations

import contextlib
import os
import time

from shop.settings import *  # noqa: F403 - the same service

print("starting", flush=True)  # noqa: T201 - what the test waits for
match os.environ.get("SHOP_SWALLOWS"):
    case "it":
        with contextlib.suppress(SystemExit):
            time.sleep(20)
    case "its kind":

        class Slow:
            def __set_name__(self, owner, name):
                time.sleep(20)  # up to 3.11, Python makes a RuntimeError of what this raises

        class Owner:
            slow = Slow()

    case _:
        time.sleep(20)
