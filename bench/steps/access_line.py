"""One line of the access log: ours, structlog as documented, json.dumps in a message, the floor.

All of them write the same seven fields to the same file; only ours looks for secrets in them. The
floor is what a line cannot do without: it is encoded, and handed to the kernel by itself.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIELDS = {
    "method": "GET",
    "route": "/api/v1/things/<int:number>/",
    "path": "/api/v1/things/7/",
    "status": 200,
    "duration_ms": 12.34,
    "bytes": 20,
    "client_ip": "127.0.0.1",
}


def contenders() -> Mapping[str, Callable[[], object]]:
    """Configure them side by side; Django is set up already."""
    return {
        "Quintet, redacted": ours(),
        "structlog through the standard library": documented(),
        "json.dumps as the message": tutorial(),
        "orjson and one write, the floor": floor(),
    }


def ours() -> Callable[[], object]:
    """What ``AccessLogMiddleware`` does when an answer leaves."""
    from django.test import RequestFactory
    from django.urls import resolve

    from quintet.middleware import access

    request: Any = RequestFactory().get(FIELDS["path"])
    request.resolver_match = resolve(FIELDS["path"])
    request.client_ip = FIELDS["client_ip"]
    return lambda: access.write(request, 0.0, status=200, sent=20)


def documented() -> Callable[[], object]:
    """Put structlog in front of the standard library, as its documentation sets it up for JSON."""
    import structlog

    from stacks.peers import CHAIN

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer())
    )
    logger = logging.getLogger("documented")
    logger.addHandler(handler)
    logger.propagate = False
    log = structlog.wrap_logger(
        logger, processors=CHAIN, wrapper_class=structlog.stdlib.BoundLogger
    )
    return lambda: log.info("request", **FIELDS)


def tutorial() -> Callable[[], object]:
    """A dictionary as text in a plain message."""
    logger = logging.getLogger("tutorial")
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.propagate = False
    return lambda: logger.info(json.dumps({"message": "request", **FIELDS}))


def floor() -> Callable[[], object]:
    """Encode what a line of ours holds, and write it."""
    head = dict.fromkeys(("timestamp", "level", "logger", "service", "version", "environment"), "x")
    line = {"message": "request", "correlation_id": "0" * 32, **head, **FIELDS}
    option, descriptor = orjson.OPT_APPEND_NEWLINE, sys.stdout.fileno()
    return lambda: os.write(descriptor, orjson.dumps(line, option=option))
