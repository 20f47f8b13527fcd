"""Settings that take their time, and may swallow what should end the process."""

from __future__ import annotations

import contextlib
import os
import time

from shop.settings import *  # noqa: F403 - the same service

print("starting", flush=True)  # noqa: T201 - what the test waits for
with contextlib.suppress(SystemExit if os.environ.get("SHOP_SWALLOWS") else ()):
    time.sleep(20)
