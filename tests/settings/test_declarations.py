from __future__ import annotations

import pytest

from quintet.settings import (
    ServiceSettings,
    SettingsError,
    boolean,
    choice,
    integer,
    items,
    mapping,
    network,
    number,
    text,
    url,
)

GIVEN = {"SERVICE_NAME": "shop", "SECRET_KEY": "k", "SERVICE_ENVIRONMENT": "test"}


class Shop(ServiceSettings):
    OPEN: bool = boolean(default=False)
    SEATS: int = integer(default=4, minimum=1, maximum=8)
    ANY_INTEGER: int = integer(default=0)
    RATIO: float = number(default=0.5, minimum=0)
    SHARE: float = number(default=0.5, maximum=1)
    WORD: str = text(default="a", pattern="[a-z]+")
    COLOUR: str = choice("Red", "Blue", default="Red")
    ADDRESS: str = url(schemes=("http", "https"), default="http://a")
    STORE: str = url(schemes=("sqlite", "postgres"), default="sqlite:///a")
    TAGS: tuple[str, ...] = items(default=())
    NETWORKS: tuple[str, ...] = items(default=(), each=network)
    LIMITS: dict[str, str] = mapping(default={})


def read(name: str, raw: str):
    return getattr(Shop.load({**GIVEN, name: raw}), name)


def refused(name: str, raw: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(name, raw)
    (problem,) = caught.value.problems
    assert problem.variable == name
    return str(problem)


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("OPEN", "true", True),
        ("OPEN", " Yes ", True),
        ("OPEN", "ON", True),
        ("OPEN", "1", True),
        ("OPEN", "off", False),
        ("OPEN", "0", False),
        ("SEATS", " 8 ", 8),
        ("SEATS", "1", 1),
        ("ANY_INTEGER", "-70000", -70000),
        ("RATIO", "0", 0.0),
        ("RATIO", "1e3", 1000.0),
        ("WORD", "abc", "abc"),
        ("COLOUR", "BLUE", "Blue"),
        ("ADDRESS", "https://users:8000/base", "https://users:8000/base"),
        ("ADDRESS", "http://[::1]:80", "http://[::1]:80"),
        ("STORE", "sqlite://:memory:", "sqlite://:memory:"),
        ("STORE", "sqlite:////var/db.sqlite3", "sqlite:////var/db.sqlite3"),
        ("TAGS", "a, b,,c ", ("a", "b", "c")),
        ("TAGS", "", ()),
        ("NETWORKS", "10.0.0.0/8,::1", ("10.0.0.0/8", "::1/128")),
        ("LIMITS", "a=1, b = x=y", {"a": "1", "b": "x=y"}),
        ("LIMITS", "", {}),
    ],
)
def test_a_value_is_read_as_what_it_was_declared(name, raw, value):
    found = read(name, raw)

    assert found == value
    assert type(found) is type(value) or name == "LIMITS"


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("OPEN", "perhaps", "true or false"),
        ("SEATS", "0", "from 1 to 8"),
        ("SEATS", "9", "from 1 to 8"),
        ("SEATS", "4.0", "a whole number"),
        ("ANY_INTEGER", "many", "a whole number"),
        ("RATIO", "-0.1", "at least 0"),
        ("RATIO", "nan", "a number"),
        ("RATIO", "inf", "a number"),
        ("SHARE", "1.1", "at most 1"),
        ("WORD", "Abc", "matches [a-z]+"),
        ("WORD", "abc\n", "matches [a-z]+"),
        ("COLOUR", "green", "one of Red, Blue"),
        ("ADDRESS", "users:8000", "http://…"),
        ("ADDRESS", "ftp://users", "http://…"),
        ("ADDRESS", "http://", "http://…"),
        ("ADDRESS", "http://users:port", "http://…"),
        ("ADDRESS", "http://users:0", "http://…"),
        ("ADDRESS", "http://users:99999", "http://…"),
        ("ADDRESS", "http://us ers", "http://…"),
        ("ADDRESS", "http://users\nX: y", "http://…"),
        ("STORE", "postgres:///shop", "postgres://…"),
        ("NETWORKS", "10.0.0.1/8", "separated by commas"),
        ("NETWORKS", "everywhere", "separated by commas"),
        ("LIMITS", "a", "name=value"),
        ("LIMITS", "=1", "name=value"),
        ("LIMITS", "a=", "name=value"),
        ("LIMITS", "a=1,a=2", "name=value"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_was_expected(name, raw, expected):
    assert expected in refused(name, raw)


@pytest.mark.parametrize("name", ["OPEN", "SEATS", "RATIO", "COLOUR", "ADDRESS"])
def test_an_empty_variable_is_one_that_is_not_set(name):
    loaded = Shop.load({**GIVEN, name: ""})

    assert getattr(loaded, name) == Shop.declarations()[name].default
    assert loaded.origins()[name] == "default"


def test_text_is_taken_as_it_is():
    loaded = ServiceSettings.load({**GIVEN, "HEALTH_TOKEN": " spaces count "})

    assert loaded.HEALTH_TOKEN == " spaces count "


def test_a_mapping_cannot_be_changed():
    limits = Shop.load({**GIVEN, "LIMITS": "a=1"}).LIMITS

    with pytest.raises(TypeError):
        limits["a"] = "2"


def test_a_plain_value_in_place_of_a_declaration_is_a_mistake():
    with pytest.raises(TypeError, match="declare it with one of"):
        type("Wrong", (ServiceSettings,), {"SEATS": 4})
