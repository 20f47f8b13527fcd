"""A service's credentials open its own database and no other."""

from __future__ import annotations

from itertools import permutations
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

OWNERS = ("users", "products", "payments", "orders")


@pytest.fixture(scope="session")
def urls(system):
    return {name: system.environment_of(name)["DATABASE_URL"] for name in OWNERS}


def opened(url):
    with psycopg.connect(url, connect_timeout=5) as database:
        return database.execute("SELECT current_user, current_database()").fetchone()


@pytest.mark.parametrize("name", OWNERS)
def test_a_service_opens_its_own_database(urls, name):
    role, _ = opened(urls[name])

    assert role == urlsplit(urls[name]).username


@pytest.mark.parametrize(("role", "other"), list(permutations(OWNERS, 2)))
def test_a_service_cannot_open_the_database_of_another(urls, role, other):
    url = urlunsplit(urlsplit(urls[role])._replace(path=urlsplit(urls[other]).path))

    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        opened(url)


@pytest.mark.parametrize("role", OWNERS)
@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_a_service_cannot_open_the_databases_of_the_server(urls, role, database):
    url = urlunsplit(urlsplit(urls[role])._replace(path=f"/{database}"))

    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        opened(url)


@pytest.mark.parametrize("name", OWNERS)
def test_a_service_is_nothing_but_the_owner_of_its_database(urls, name):
    query = (
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, "
        "(SELECT count(*) FROM pg_auth_members WHERE member = pg_roles.oid) "
        "FROM pg_roles WHERE rolname = current_user"
    )
    with psycopg.connect(urls[name]) as database:
        assert database.execute(query).fetchone() == (False, False, False, False, False, 0)


def test_a_wrong_password_opens_nothing(urls):
    parts = urlsplit(urls["orders"])
    place = parts.netloc.rpartition("@")[2]
    url = urlunsplit(parts._replace(netloc=f"{parts.username}:wrong@{place}"))

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        opened(url)


def test_no_service_knows_the_database_of_another(system, urls):
    for name in (*OWNERS, "validation"):
        environment = " ".join(system.environment_of(name).values())
        assert [other for other, url in urls.items() if other != name and url in environment] == []
