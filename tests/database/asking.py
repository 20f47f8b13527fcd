"""Short ways to ask a database, to freeze it, and to measure how long somebody waited."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager

import pytest
from django.db import OperationalError

from quintet.resilience import deadline


def asked(connection, sql, *params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchall() if cursor.description else []


def backend(connection):
    """The process of the server that this connection talks to."""
    return asked(connection, "SELECT pg_backend_pid()")[0][0]


@contextmanager
def frozen(*pids):
    """Stop processes of the server: the kernel goes on to acknowledge what arrives."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def spent(seconds, action, *, raised=OperationalError):
    """The error of an action that has so many seconds, and how many it took."""
    began = time.monotonic()
    with deadline.within(seconds), pytest.raises(raised) as caught:
        action()
    return caught.value, time.monotonic() - began
