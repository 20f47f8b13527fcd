"""A server that answers, and that is scraped in one way or another while it does."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from counting.scrape import WAYS

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER = b"ok" * 100
_scraping = threading.Lock()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer ``/`` at once, after a little work; ``/stock`` and ``/quintet`` with a scrape."""
    way = WAYS.get(environ["PATH_INFO"][1:])
    if way is None:
        body = ANSWER
        sum(range(2_000))
    else:
        with _scraping:
            body = way()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
