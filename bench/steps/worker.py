"""Runs the single steps in one process, and prints the medians as JSON on the descriptor it got.

What is logged goes to standard output, which the driver sends to a file.
"""

from __future__ import annotations

import json
import os
import sys

from steps import access_line, rate_limit, turns

ROUNDS = 9


def main() -> None:
    """Set Django up as a service with a cache, and time every contender of every step."""
    import django
    from django.conf import settings

    from quintet.settings import derive
    from stacks.catalogue import DECLARED, PLAIN
    from stacks.quintets import everything

    chosen = everything()
    chosen |= {"BENCH_VIEW": DECLARED, "CACHES": derive.caches(chosen["QUINTET"])}
    settings.configure(**{**PLAIN, **chosen})
    django.setup()
    found = {
        "access line": turns.medians(access_line.contenders(), rounds=ROUNDS, times=3000),
        "rate limit": turns.medians(rate_limit.contenders(), rounds=ROUNDS, times=500),
    }
    with os.fdopen(int(sys.argv[1]), "w") as results:
        json.dump(found, results)


if __name__ == "__main__":
    main()
