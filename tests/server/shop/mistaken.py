"""Settings with a mistake that only a traceback explains."""

from __future__ import annotations

import a_library_that_is_missing  # noqa: F401
