"""Settings of the stack that the environment names, for a server."""

from __future__ import annotations

import os

from stacks import settings_of

globals().update(settings_of(os.environ["BENCH_STACK"]))
