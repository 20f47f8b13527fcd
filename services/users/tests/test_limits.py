from __future__ import annotations

import secrets

import pytest
from people import PASSWORD

from users.settings import UsersSettings


@pytest.fixture
def address():
    """An address that has not asked before, also not in an earlier run."""
    return f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"


@pytest.fixture
def strict(settings, monkeypatch):
    """One login and one registration per minute."""
    monkeypatch.setenv("LOGIN_RATE_LIMIT", "1/minute")
    monkeypatch.setenv("REGISTRATION_RATE_LIMIT", "1/minute")
    settings.QUINTET = UsersSettings.load()


@pytest.fixture
def guarded(settings, monkeypatch):
    """Three wrong passwords of an account per hour."""
    monkeypatch.setenv("FAILED_LOGIN_RATE_LIMIT", "3/hour")
    settings.QUINTET = UsersSettings.load()


@pytest.fixture
def alone(settings, monkeypatch):
    """A service whose cache cannot be reached."""
    monkeypatch.setenv("FAILED_LOGIN_RATE_LIMIT", "3/hour")
    monkeypatch.setenv("CACHE_URL", "redis://127.0.0.1:1/0")
    settings.QUINTET = UsersSettings.load()


def log_in(api, address, password=PASSWORD, *, username="john"):
    form = {"username": username, "password": password}
    return api.post("/api/v1/auth/token/", form, REMOTE_ADDR=address)


def register(api, address, name):
    form = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    return api.post("/api/v1/users/", form, REMOTE_ADDR=address)


def test_logins_of_one_address_are_limited_whether_they_succeed_or_not(strict, john, api, address):
    answers = [log_in(api, address, "guessed"), log_in(api, address)]

    assert [answer.status_code for answer in answers] == [401, 429]
    assert answers[1]["RateLimit-Policy"] == '"login";q=1;w=60'
    assert answers[1]["Retry-After"] == "60"


def test_other_addresses_log_in_meanwhile(strict, john, api, address):
    log_in(api, address, "guessed")

    assert log_in(api, "192.0.2.1").status_code == 200


@pytest.mark.django_db
def test_registrations_of_one_address_are_limited(strict, api, address):
    answers = [register(api, address, name) for name in ("mary", "jane")]

    assert [answer.status_code for answer in answers] == [201, 429]
    assert answers[1]["RateLimit-Policy"] == '"registration";q=1;w=60'


def guesses(api, username="john", *, times=4):
    """Wrong passwords of one account, each from another address."""
    return [
        log_in(api, f"192.0.2.{number}", "guessed", username=username) for number in range(times)
    ]


def statuses(answers):
    return [answer.status_code for answer in answers]


def test_guesses_from_many_addresses_are_slowed_down_for_one_account(guarded, john, api):
    assert statuses(guesses(api)) == [401, 401, 401, 429]
    assert log_in(api, "192.0.2.99").status_code == 429


def test_another_account_is_not_slowed_down(guarded, john, person, api):
    person("mary", password=PASSWORD)
    guesses(api)

    assert log_in(api, "192.0.2.1", username="mary").status_code == 200


def test_who_knows_the_password_logs_in_as_often_as_it_likes(guarded, john, api):
    answers = [log_in(api, "192.0.2.1") for _ in range(6)]

    assert statuses(answers) == [200] * 6
    assert statuses(guesses(api)) == [401, 401, 401, 429]


def test_all_spellings_of_a_name_are_one_account(guarded, john, api):
    answers = [
        log_in(api, "192.0.2.1", "guessed", username=name)
        for name in ("john", "John", " JOHN ", "joHn")
    ]

    assert statuses(answers) == [401, 401, 401, 429]


def shown(answer):
    """What an answer tells, but for what is another one each time."""
    error = {**answer.json()["error"], "correlation_id": "", "timestamp": ""}
    error["details"].pop("retry_after_seconds", None)
    own = {"X-Correlation-ID", "RateLimit", "Content-Length"}
    headers = {name: value for name, value in answer.items() if name not in own}
    return answer.status_code, error, headers


@pytest.mark.django_db
def test_nobody_can_tell_by_guessing_whether_there_is_such_an_account(
    guarded, john, person, api, hashed
):
    person("idle", password=PASSWORD, is_active=False)
    told, worked = [], []
    for number, name in enumerate(("john", "idle", "nobody")):
        hashed.clear()
        answers = [
            log_in(api, f"2001:db8:{number}:{guess}::1", "guessed", username=name)
            for guess in range(6)
        ]
        told.append([shown(answer) for answer in answers])
        worked.append(len(hashed))

    assert [status for status, *_ in told[0]] == [401, 401, 401, 429, 429, 429]
    assert told[0][3][2]["Retry-After"] == "3600"
    assert told[0] == told[1] == told[2]
    assert worked == [3, 3, 3]


def test_a_login_of_the_owner_does_not_show_in_what_is_left_for_a_guesser(guarded, john, api):
    log_in(api, "192.0.2.77")

    assert statuses(guesses(api)) == statuses(guesses(api, "nobody")) == [401, 401, 401, 429]


def test_nothing_that_is_written_names_the_account(guarded, api, person, captured_logs):
    person("john@example.com", password=PASSWORD)
    guesses(api, "john@example.com")

    assert "login refused" in {line["message"] for line in captured_logs}
    assert "john@example.com" not in str(captured_logs)


def test_while_the_cache_is_lost_people_log_in_and_guessers_are_slowed_down(alone, john, api):
    assert log_in(api, "192.0.2.77").status_code == 200
    assert statuses(guesses(api)) == [401, 401, 401, 429]


def test_reading_is_not(strict, john, api, address):
    answers = [api.as_user(john.pk).get(f"/api/v1/users/{john.pk}/") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
