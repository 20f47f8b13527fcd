"""What all tests of the chassis share: no setting, no context and no metric outlives a test."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import ExitStack

import pytest
import structlog

from quintet import conf
from quintet.telemetry import metrics
from quintet.testing import servers

_traced = []


def stop_tracing():
    _traced.append(sys.gettrace())
    sys.settrace(None)


def trace_again():
    sys.settrace(_traced.pop())


# Coverage takes a lock when a thread meets a new file. A child that is made in that moment would
# wait for it for ever, and nobody collects what a child covers.
os.register_at_fork(before=stop_tracing, after_in_parent=trace_again)


@pytest.fixture(scope="session")
def valkey():
    """A real server, shared with other parts of the tests."""
    with ExitStack() as stack:
        found = servers.resolve("valkey", stack)
        if not found.url:
            pytest.skip(found.remedy)
        yield found.url


@pytest.fixture
def empty_valkey(valkey):
    """Gives the URL of a database of that server by its name, empty before and after."""
    import redis  # late: the library is an extra

    with ExitStack() as stack:

        def emptied(name):
            url = servers.cache_url(valkey, name)
            client = stack.enter_context(redis.Redis.from_url(url))
            client.flushdb()
            stack.callback(client.flushdb)
            return url

        yield emptied


@pytest.fixture
def collector():
    """A collector of traces, to which everything in the test is sent."""
    from tests.telemetry.collector import Collector, tracing  # late: it imports OpenTelemetry

    running = Collector()
    with tracing(running.url):
        yield running
    running.close()


@pytest.fixture(autouse=True)
def as_it_was():
    """Put back what tests may turn: the recorder, the levels, the settings that were read."""
    recorder, levels = metrics.Using.recorder, _levels()
    yield
    metrics.Using.recorder = recorder
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.contextvars.clear_contextvars()
    conf.current.cache_clear()


def _levels() -> dict[str, int]:
    named = logging.root.manager.loggerDict.items()
    return {name: logger.level for name, logger in named if isinstance(logger, logging.Logger)}
