from __future__ import annotations

import pytest

from quintet.settings import ServiceSettings, SettingsError, text

KEY = "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMN-x"
SOUND = {
    "SERVICE_NAME": "shop",
    "SERVICE_ENVIRONMENT": "production",
    "SECRET_KEY": KEY,
    "ALLOWED_HOSTS": "shop.example",
}


def problem(**changed: str) -> str:
    with pytest.raises(SettingsError) as caught:
        ServiceSettings.load({**SOUND, **changed})
    (found,) = caught.value.problems
    return str(found)


def test_sound_values_start():
    assert ServiceSettings.load(SOUND).ALLOWED_HOSTS == ("shop.example",)


def test_debug_is_refused():
    assert "DEBUG" in problem(DEBUG="true")


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("short", "only 5"),
        (KEY[:49], "only 49"),
        ("ab" * 40, "only 2 different"),
        ("django-insecure-" + KEY, "a placeholder"),
        ("Change-me-" + KEY, "a placeholder"),
        ("secret" * 20, "a placeholder"),
    ],
)
def test_a_secret_key_that_can_be_guessed_is_refused_and_not_shown(key, why):
    text = problem(SECRET_KEY=key)

    assert why in text
    assert key not in text


@pytest.mark.parametrize("hosts", ["", "*", "shop.example,*"])
def test_hosts_that_are_open_or_missing_are_refused(hosts):
    assert "ALLOWED_HOSTS" in problem(ALLOWED_HOSTS=hosts)


@pytest.mark.parametrize("environment", ["development", "test", "staging"])
def test_elsewhere_all_of_it_is_allowed(environment):
    loaded = ServiceSettings.load(
        {
            "SERVICE_NAME": "shop",
            "SERVICE_ENVIRONMENT": environment,
            "SECRET_KEY": "change",
            "DEBUG": "on",
            "ALLOWED_HOSTS": "*",
        }
    )

    assert loaded.DEBUG


def test_production_problems_come_with_all_others():
    with pytest.raises(SettingsError) as caught:
        ServiceSettings.load({"DEBUG": "true", "PORT": "x", "ALLOWED_HOSTS": "*"})

    found = {each.variable for each in caught.value.problems}
    assert found == {"SERVICE_NAME", "SECRET_KEY", "DEBUG", "PORT", "ALLOWED_HOSTS"}


def test_an_allowed_hosts_that_cannot_be_read_is_reported_once():
    environ = {**SOUND, "ALLOWED_HOSTS_FILE": "/no/such/file"}
    del environ["ALLOWED_HOSTS"]

    with pytest.raises(SettingsError) as caught:
        ServiceSettings.load(environ)

    assert [each.variable for each in caught.value.problems] == ["ALLOWED_HOSTS_FILE"]


class Mailer(ServiceSettings):
    SERVICE_NAME: str = text(default="mailer")
    MAIL_KEY: str = text(default="for the laptop", secret=True, required_in_production=True)


def test_a_default_may_be_good_enough_everywhere_but_in_production():
    laptop = Mailer.load({"SERVICE_ENVIRONMENT": "development", "SECRET_KEY": "k"})

    assert laptop.MAIL_KEY == "for the laptop"
    with pytest.raises(SettingsError, match="set MAIL_KEY, or MAIL_KEY_FILE"):
        Mailer.load(SOUND)


def test_what_production_requires_can_be_given():
    assert Mailer.load({**SOUND, "MAIL_KEY": "real"}).MAIL_KEY == "real"


def test_what_production_requires_cannot_be_given_as_nothing():
    with pytest.raises(SettingsError, match="set MAIL_KEY, or MAIL_KEY_FILE"):
        Mailer.load({**SOUND, "MAIL_KEY": ""})


@pytest.mark.parametrize(
    "spelling", ["1", "true", "TRUE", "True", "yes", "Yes", "on", "ON", " on "]
)
def test_debug_is_refused_however_it_is_spelled(spelling):
    assert "unset DEBUG" in problem(DEBUG=spelling)


@pytest.mark.parametrize("spelling", ["y", "t", "enabled", "2", "None"])
def test_a_debug_that_may_mean_anything_is_refused_as_well(spelling):
    assert "true or false" in problem(DEBUG=spelling)
