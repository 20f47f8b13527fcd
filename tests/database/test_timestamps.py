"""psycopg's own loader gives what Django's would."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import DataError
from django.db.backends.postgresql.psycopg_any import register_tzloader
from django.db.utils import ConnectionHandler

from quintet.settings import derive
from tests.database.asking import asked
from tests.database.settings import environment

VALUES = """
    SELECT moment::timestamptz FROM unnest(ARRAY[
        '2026-11-23 12:00:00.000001+00', '2026-11-23 12:00:00+14', '1970-01-01 00:00:00-12:30',
        '0001-01-01 00:00:00+00', '9999-12-31 23:59:59.999999+00', '2024-02-29 23:59:60+00',
        '1883-11-18 12:03:58 America/New_York', NULL
    ]) AS moment
"""


def of_django(database, sql):
    """Read with the loader that Django registers."""
    with database.cursor() as cursor:
        register_tzloader(UTC, cursor.cursor)
        cursor.execute(sql)
        return cursor.fetchall()


def test_every_moment_is_read_as_django_reads_it(database):
    ours, theirs = asked(database, VALUES), of_django(database, VALUES)

    assert ours == theirs
    assert [value and value.tzinfo for (value,) in ours] == [
        value and value.tzinfo for (value,) in theirs
    ]


def test_moments_in_arrays_are_read_as_django_reads_them(database):
    sql = f"SELECT array_agg(moment) FROM ({VALUES}) AS moments(moment)"  # noqa: S608 - our own text

    assert asked(database, sql) == of_django(database, sql)


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "20000-01-01", "0044-03-15 BC"])
def test_a_moment_that_python_cannot_hold_is_an_error_for_both(database, moment):
    sql = f"SELECT '{moment}'::timestamptz"

    for read in (asked, of_django):
        with pytest.raises(DataError):
            read(database, sql)


def test_rows_are_not_read_in_python(database):
    database.ensure_connection()
    loader = type(database.connection.adapters.get_loader(1184, psycopg.pq.Format.TEXT)(1184))

    assert loader.__module__ == psycopg.adapters.get_loader(1184, psycopg.pq.Format.TEXT).__module__


def test_another_time_zone_is_left_to_django(postgres):
    databases = derive.databases(environment(DATABASE_URL=postgres.url()))
    # A name of its own: Django has one pool for each name in a process, whoever made it.
    databases["berlin"] = databases["default"] | {"TIME_ZONE": "Europe/Berlin"}
    database = ConnectionHandler(databases)["berlin"]

    ((moment,),) = asked(database, "SELECT '2026-11-23 12:00:00+00'::timestamptz")

    assert moment.tzinfo == ZoneInfo("Europe/Berlin")
    assert moment.astimezone(UTC).hour == 12
    database.close()
    database.close_pool()
