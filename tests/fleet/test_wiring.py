from __future__ import annotations

import pytest

from quintet import lifecycle
from quintet.fleet.description import System
from quintet.fleet.places import Places
from quintet.fleet.unit import Policy
from quintet.fleet.wiring import Origin, Wiring

SYSTEM = System.model_validate(
    {
        "resources": {"db": {"kind": "postgres"}, "cache": {"kind": "redis"}},
        "services": {
            "users": {"path": "users", "uses": ["db", "cache"]},
            "orders": {"path": "orders", "uses": ["db"], "calls": ["users"]},
        },
    }
)


@pytest.fixture
def places(tmp_path):
    made = Places(root=tmp_path, state=tmp_path / "state")
    made.make()
    return made


@pytest.fixture
def environment(places):
    def _environment(name, **caller):
        wiring = Wiring(
            places=places,
            system=SYSTEM,
            ports={"users": 1001, "orders": 1002},
            databases={"orders": Origin(url="postgres://o", source="embedded")},
            cache=Origin(url="redis://c", source="embedded"),
            caller=caller,
        )
        return wiring.environment(name)

    return _environment


def test_a_service_learns_where_those_are_that_it_calls(environment):
    assert environment("orders")["USERS_SERVICE_URL"] == "http://127.0.0.1:1001"
    assert "ORDERS_SERVICE_URL" not in environment("users")


def test_a_service_trusts_users_and_its_callers(environment):
    trusted = environment("users")["AUTH_ISSUERS"]

    assert "users=http://127.0.0.1:1001/.well-known/jwks.json" in trusted
    assert "orders=http://127.0.0.1:1002/.well-known/jwks.json" in trusted


def test_a_service_gets_only_what_it_uses(environment):
    assert environment("orders")["DATABASE_URL"] == "postgres://o"
    assert "CACHE_URL" not in environment("orders")
    assert environment("users")["CACHE_URL"] == "redis://c"


def test_the_callers_environment_is_not_passed_on_as_a_whole(environment):
    passed = environment("orders", PATH="/bin", DATABASE_URL="mine", AWS_SECRET="x", LC_ALL="C")

    assert passed["PATH"] == "/bin"
    assert passed["LC_ALL"] == "C"
    assert passed["DATABASE_URL"] == "postgres://o"
    assert "AWS_SECRET" not in passed


def test_a_variable_with_the_name_of_a_service_is_for_that_service(environment):
    named = {"ORDERS_CLIENT_TIMEOUT_SECONDS": "2", "ORDERS_SERVICE_URL": "http://elsewhere"}

    assert environment("orders", **named)["CLIENT_TIMEOUT_SECONDS"] == "2"
    assert "CLIENT_TIMEOUT_SECONDS" not in environment("users", **named)
    assert "SERVICE_URL" not in environment("orders", **named)


def test_replicas_differ_in_address_and_metrics_alone(places):
    service = {"path": "orders", "scale": {"replicas": 2}}
    system = System.model_validate({"services": {"orders": service}})
    wiring = Wiring(places=places, system=system, ports={"orders": 1001, "orders-2": 1002})

    first, second = (wiring.environment(name) for name in system.replicas_of("orders"))

    differing = {name for name in first if first[name] != second[name]}
    assert differing == {"PORT", "METRICS_DIR"}
    assert wiring.addresses() == {"orders": ("127.0.0.1:1001", "127.0.0.1:1002")}


def test_a_caller_learns_where_all_replicas_are(places):
    services = {
        "users": {"path": "users", "scale": {"replicas": 2}},
        "orders": {"path": "orders", "calls": ["users"]},
    }
    system = System.model_validate({"system": "shop", "services": services})
    ports = {"users": 1001, "users-2": 1002, "orders": 1003}

    found = Wiring(places=places, system=system, ports=ports, caller={}).environment("orders")

    assert found["USERS_SERVICE_URL"] == "http://127.0.0.1:1001,http://127.0.0.1:1002"


@pytest.mark.parametrize(("replicas", "drain"), [(1, "0"), (2, "1")])
def test_only_a_service_with_replicas_drains_before_it_stops(places, replicas, drain):
    service = {"path": "orders", "scale": {"replicas": replicas}}
    system = System.model_validate({"services": {"orders": service}})
    wiring = Wiring(places=places, system=system, ports={"orders": 1001})

    given = wiring.environment("orders")

    grace = lifecycle.grace_seconds(
        drain_seconds=float(given["DRAIN_SECONDS"]),
        shutdown_seconds=float(given["SHUTDOWN_SECONDS"]),
    )
    assert given["DRAIN_SECONDS"] == drain
    assert grace <= Policy().grace_seconds


def test_secrets_stay_the_same_and_differ_between_services(environment):
    assert environment("orders")["SECRET_KEY"] == environment("orders")["SECRET_KEY"]
    assert environment("orders")["SECRET_KEY"] != environment("users")["SECRET_KEY"]


def test_secrets_and_keys_are_for_this_user_only(environment, places):
    environment("orders")

    files = [*places.secrets.iterdir(), *places.keys.iterdir()]
    assert files
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)


def test_a_signing_key_is_a_private_p256_key(environment):
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    with open(environment("orders")["AUTH_SIGNING_KEYS_FILE"], "rb") as file:  # noqa: PTH123
        key = load_pem_private_key(file.read(), password=None)

    assert key.curve.name == "secp256r1"
