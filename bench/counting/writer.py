"""One of several processes that have counted, and that live until their input ends."""

from __future__ import annotations

import os
import sys

from prometheus_client import Counter, Histogram

from quintet.telemetry.metrics import values

ENDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def count(label_sets: int) -> None:
    """Fill a counter, and a histogram of twelve buckets, with so many label sets each."""
    values.announce()
    requests = Counter("bench_requests_total", "Answered.", ["method", "endpoint", "status"])
    took = Histogram("bench_duration_seconds", "Long.", ["method", "endpoint"], buckets=ENDS)
    for number in range(label_sets):
        route = f"/api/v1/things{number}/{{id}}/"
        requests.labels("GET", route, "200").inc(number)
        took.labels("GET", route).observe(number % 12 / 3 + os.getpid() % 7)


if __name__ == "__main__":
    count(int(sys.argv[1]))
    print("counted", flush=True)
    sys.stdin.read()
