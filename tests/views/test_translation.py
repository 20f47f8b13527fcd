from __future__ import annotations

import psycopg
import pytest
import redis
from django.db import InterfaceError, InternalError, OperationalError
from psycopg_pool import PoolTimeout

from quintet.errors import Kind
from quintet.views.translation import is_outage, translate


def wrapped(error):
    """As Django hands on an error of the driver."""
    made = InternalError("x")
    made.__cause__ = error
    return made


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("x"),
        InterfaceError("x"),
        psycopg.OperationalError("x"),
        PoolTimeout("x"),
        psycopg.errors.AdminShutdown("x"),
        psycopg.errors.DiskFull("x"),
        psycopg.errors.TooManyConnections("x"),
        psycopg.errors.ReadOnlySqlTransaction("x"),
        psycopg.errors.IdleInTransactionSessionTimeout("x"),
        psycopg.errors.SerializationFailure("x"),
        wrapped(psycopg.errors.ReadOnlySqlTransaction("x")),
        redis.exceptions.ConnectionError("x"),
        redis.exceptions.TimeoutError("x"),
    ],
    ids=lambda error: f"{type(error).__module__}.{type(error).__name__}",
)
def test_a_server_that_fails_us_makes_us_unavailable(error):
    translated = translate(error)

    assert is_outage(error)
    assert translated.kind is Kind.UNAVAILABLE
    assert "x" not in translated.message.split()


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("x"),
        TimeoutError("x"),
        ValueError("x"),
        wrapped(psycopg.errors.InFailedSqlTransaction("x")),
    ],
)
def test_what_somebody_else_calls_by_the_same_name_is_no_outage(error):
    assert not is_outage(error)
    assert translate(error).kind is Kind.INTERNAL


def test_a_statement_that_ran_out_of_time_is_a_deadline():
    error = psycopg.errors.QueryCanceled("canceling statement due to statement timeout")

    assert translate(error).kind is Kind.DEADLINE
