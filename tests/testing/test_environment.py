from __future__ import annotations

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from quintet.testing import environment


def filled(**before: str) -> dict[str, str]:
    environ = dict(before)
    environment.fill(environ, urls={"DATABASE_URL": "postgres://test"}, issuers=["users", "orders"])
    return environ


def test_databases_of_the_shell_are_replaced_or_dropped():
    environ = filled(
        DATABASE_URL="postgres://live", CACHE_URL="redis://live", BROKER_URL="amqp://live"
    )

    assert environ["DATABASE_URL"] == "postgres://test"
    assert "CACHE_URL" not in environ
    assert "BROKER_URL" not in environ


def test_the_environment_is_that_of_a_test_whatever_the_shell_says():
    environ = filled(SERVICE_ENVIRONMENT="production", ALLOWED_HOSTS="shop.example")

    assert environ["SERVICE_ENVIRONMENT"] == "test"
    assert "testserver" in environ["ALLOWED_HOSTS"].split(",")


def test_secrets_are_random_and_keys_are_real():
    first, second = filled(), filled()

    assert first["SECRET_KEY"] != second["SECRET_KEY"]
    assert load_pem_private_key(first["AUTH_SIGNING_KEYS"].encode(), None).key_size == 256


def test_what_the_caller_chose_is_kept():
    environ = filled(SECRET_KEY="mine", AUTH_SIGNING_KEYS_FILE="/keys/mine.pem")

    assert environ["SECRET_KEY"] == "mine"
    assert "AUTH_SIGNING_KEYS" not in environ


def test_issuers_are_addresses_that_nobody_can_reach():
    listed = filled()["AUTH_ISSUERS"].split(",")

    assert listed[1] == "orders=http://orders.invalid/.well-known/jwks.json"
