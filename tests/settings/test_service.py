from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quintet.settings import ServiceSettings, SettingsError, addresses, integer, mapping, text, url
from quintet.settings.masking import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Mapping

GIVEN = {"SERVICE_NAME": "shop", "SECRET_KEY": "k", "SERVICE_ENVIRONMENT": "test"}


class Shop(ServiceSettings):
    SERVICE_NAME: str = text(default="shop")
    SEATS: int = integer(default=4, help="How many may sit.")
    USERS_SERVICE_URL: str = url(schemes=("http",), default="http://users:8000")
    STOCK_KEEPER_SERVICE_URL: str = url(schemes=("http",), default="http://stock:8000")


def problems(environ: dict[str, str], kind: type[ServiceSettings] = Shop) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        kind.load(environ)
    return {problem.variable: str(problem) for problem in caught.value.problems}


def test_every_problem_is_in_one_report():
    found = problems(
        {"SERVICE_ENVIRONMENT": "test", "SEATS": "many", "PORT": "http", "DEBUG": "perhaps"}
    )

    assert set(found) == {"SECRET_KEY", "SEATS", "PORT", "DEBUG"}


def test_the_report_says_variable_expectation_finding_and_remedy():
    with pytest.raises(SettingsError) as caught:
        Shop.load({**GIVEN, "SEATS": "many"})

    assert str(caught.value) == (
        "1 setting is wrong:\n"
        "\n"
        "  SEATS\n"
        "    expected  a whole number (How many may sit)\n"
        "    got       'many' from environment\n"
        "    remedy    correct SEATS"
    )


def test_the_report_counts():
    with pytest.raises(SettingsError, match="2 settings are wrong:"):
        Shop.load({**GIVEN, "SEATS": "many", "PORT": "none"})


def test_the_environment_of_the_process_is_read_by_default(monkeypatch):
    for name, value in {**GIVEN, "SEATS": "7"}.items():
        monkeypatch.setenv(name, value)

    assert Shop.load().SEATS == 7


def test_a_service_has_the_settings_of_every_service():
    loaded = Shop.load(GIVEN)

    assert (loaded.SERVICE_VERSION, loaded.LOG_LEVEL, loaded.DEBUG) == ("1.0.0", "INFO", False)
    assert (loaded.ENABLE_CACHING, loaded.ENABLE_ASYNC_PROCESSING) == (True, True)
    assert loaded.ENABLE_METRICS
    assert loaded.INTERNAL_NETWORKS == ("127.0.0.0/8", "::1/128")


def test_the_environment_is_production_unless_it_is_said():
    environ = {"SECRET_KEY": "a7Bx" * 20 + "0123456789", "ALLOWED_HOSTS": "shop.example"}

    assert Shop.load(environ).SERVICE_ENVIRONMENT == "production"


def test_a_value_may_come_from_a_file(tmp_path):
    secret = tmp_path / "key"
    secret.write_text("from a file\n", encoding="utf-8")

    loaded = Shop.load({"SERVICE_ENVIRONMENT": "test", "SECRET_KEY_FILE": str(secret)})

    assert loaded.SECRET_KEY == "from a file"
    assert loaded.origins()["SECRET_KEY"] == f"file {secret}"


def test_a_value_and_a_file_together_are_refused(tmp_path):
    found = problems({**GIVEN, "SECRET_KEY_FILE": str(tmp_path / "key")})

    assert "both" in found["SECRET_KEY"]


def test_an_empty_value_next_to_a_file_is_none(tmp_path):
    secret = tmp_path / "key"
    secret.write_text("from a file", encoding="utf-8")

    loaded = Shop.load({**GIVEN, "SECRET_KEY": "", "SECRET_KEY_FILE": str(secret)})

    assert loaded.SECRET_KEY == "from a file"


def test_a_file_that_is_not_there_is_named():
    environ = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY_FILE": "/no/such/file"}

    assert "No such file" in problems(environ)["SECRET_KEY_FILE"]


def test_a_file_that_is_no_text_is_refused(tmp_path):
    secret = tmp_path / "key"
    secret.write_bytes(b"\xff\xfe\x00")
    environ = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY_FILE": str(secret)}

    assert "not UTF-8 text" in problems(environ)["SECRET_KEY_FILE"]


def test_an_empty_value_is_none_for_a_required_setting():
    assert "an empty value" in problems({**GIVEN, "SECRET_KEY": ""})["SECRET_KEY"]


@pytest.mark.parametrize("name", ["Shop", "7shop", "shop_2", "shop\n", "s" * 64, "sh op"])
def test_a_name_that_fits_into_no_label_is_refused(name):
    assert "a lower-case letter" in problems({**GIVEN, "SERVICE_NAME": name})["SERVICE_NAME"]


def test_a_secret_is_never_in_the_report():
    class Guarded(Shop):
        PASSPHRASE: str = text(pattern="[a-z]+", secret=True)

    found = problems({**GIVEN, "PASSPHRASE": "hunter2"}, Guarded)

    assert "hunter2" not in str(found)
    assert HIDDEN in found["PASSPHRASE"]


@pytest.mark.parametrize(
    "location",
    [
        "mysql://user:hunter2@host/db",
        "postgres://user:hunter2@host:port/db",
        "postgres://user:hun/ter2@hunter2@host db",
        "postgres://host:0/db?password=hunter2",
    ],
)
def test_the_password_of_a_wrong_url_is_never_in_the_report(location):
    assert "ter2" not in problems({**GIVEN, "DATABASE_URL": location})["DATABASE_URL"]


def test_the_description_masks_secrets_and_says_where_values_come_from():
    loaded = Shop.load({**GIVEN, "DATABASE_URL": "postgres://shop:hunter2@db/shop"})
    rows = {row.name: row for row in loaded.describe()}

    assert rows["SECRET_KEY"].value == HIDDEN
    assert rows["DATABASE_URL"].value == f"postgres://shop:{HIDDEN}@db/shop"
    assert rows["DATABASE_URL"].origin == "environment"
    assert rows["SEATS"] == ("SEATS", "4", "default", "How many may sit.")
    assert rows["HEALTH_TOKEN"].value == ""


def test_lists_and_mappings_are_described_masked():
    class Branched(Shop):
        BRANCHES: Mapping[str, str] = mapping()

    branches = "north=ftp://a:hunter2@north/stock"
    loaded = Branched.load({**GIVEN, "BRANCHES": branches, "ALLOWED_HOSTS": "a,b"})
    rows = {row.name: row.value for row in loaded.describe()}

    assert rows["BRANCHES"] == f"north=ftp://a:{HIDDEN}@north/stock"
    assert rows["ALLOWED_HOSTS"] == "a,b"


def test_no_secret_is_in_the_representation():
    loaded = Shop.load({**GIVEN, "HEALTH_TOKEN": "hunter2"})

    assert "hunter2" not in repr(loaded)
    assert repr(loaded).startswith("Shop(SERVICE_NAME='shop'")


def test_settings_cannot_be_changed_or_deleted():
    loaded = Shop.load(GIVEN)

    with pytest.raises(AttributeError, match="not changed: SEATS"):
        loaded.SEATS = 5
    with pytest.raises(AttributeError, match="not changed: SEATS"):
        del loaded.SEATS


def test_a_service_finds_another_by_its_name():
    loaded = Shop.load({**GIVEN, "USERS_SERVICE_URL": "http://127.0.0.1:9"})

    assert loaded.service_urls("users") == ("http://127.0.0.1:9",)
    assert loaded.service_urls("stock-keeper") == ("http://stock:8000",)


def test_a_service_may_have_several_addresses():
    class Wide(Shop):
        USERS_SERVICE_URL: str = addresses(default="")

    loaded = Wide.load({**GIVEN, "USERS_SERVICE_URL": "http://a:1, http://b:2"})

    assert loaded.service_urls("users") == ("http://a:1", "http://b:2")


@pytest.mark.parametrize("given", ["http://a:1,", "http://a:1,ftp://b", ",", "http://a:1;http://b"])
def test_each_of_several_addresses_is_judged(given):
    class Wide(Shop):
        USERS_SERVICE_URL: str = addresses(default="")

    with pytest.raises(SettingsError, match="USERS_SERVICE_URL"):
        Wide.load({**GIVEN, "USERS_SERVICE_URL": given})


def test_one_address_is_not_several():
    with pytest.raises(SettingsError, match="USERS_SERVICE_URL"):
        Shop.load({**GIVEN, "USERS_SERVICE_URL": "http://a:1,http://b:2"})


def test_a_service_that_is_not_declared_is_named_with_its_declaration():
    with pytest.raises(SettingsError, match="add to Shop: PAYMENTS_SERVICE_URL: str = addresses"):
        Shop.load(GIVEN).service_urls("payments")


def test_a_file_that_is_empty_is_a_mistake_also_where_a_default_would_do(tmp_path):
    empty = tmp_path / "token"
    empty.write_text("\n", encoding="utf-8")

    found = problems({**GIVEN, "HEALTH_TOKEN_FILE": str(empty), "SEATS_FILE": str(empty)})

    assert "an empty file" in found["HEALTH_TOKEN_FILE"]
    assert "an empty file" in found["SEATS_FILE"]


def test_a_file_that_is_too_large_is_refused_instead_of_cut(tmp_path):
    large = tmp_path / "keys"
    large.write_text("k" * (1024 * 1024 + 1), encoding="utf-8")

    found = problems({**GIVEN, "AUTH_SIGNING_KEYS_FILE": str(large)})

    assert "more than 1048576" in found["AUTH_SIGNING_KEYS_FILE"]


@pytest.mark.parametrize(
    "given",
    [
        "orders:hunter2@db:5432/orders",
        "postgres:/orders:hunter2@db/orders",
        "postgres//orders:hunter2@db/orders",
        "mysql://or/ders:hunter2@db/orders",
        "postgres://orders:hun\nter2@db/orders",
        "mysql://orders:p@hunter2@db/orders",
    ],
)
def test_the_password_of_a_url_that_is_none_is_not_in_the_report(given):
    text = problems({**GIVEN, "DATABASE_URL": given})["DATABASE_URL"]

    assert "ter2" not in text
    assert "@db" in text


def test_a_service_without_an_address_is_named_when_it_is_called():
    class Silent(Shop):
        USERS_SERVICE_URL: str = url(schemes=("http",), default="")

    with pytest.raises(SettingsError, match="set USERS_SERVICE_URL"):
        Silent.load(GIVEN).service_urls("users")
