"""A reader in a process of its own, which fetches messages and is then killed by a test."""

from __future__ import annotations

import os
import sys
import time

from tests.events.brokers.made import MADE


def main(kind, url, prefix, number):
    """Fetch so many messages, say so, and do nothing with them."""
    subscription = MADE[kind](url, prefix).subscribe(["orders"], [0], group="products")
    os.write(1, b"ready\n")
    received = []
    while len(received) < number:
        received += subscription.fetch(number - len(received), 5)
    os.write(1, b"received\n")
    time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
