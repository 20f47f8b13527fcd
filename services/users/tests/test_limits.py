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


def log_in(api, address, password=PASSWORD):
    form = {"username": "john", "password": password}
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


def test_reading_is_not(strict, john, api, address):
    answers = [api.as_user(john.pk).get(f"/api/v1/users/{john.pk}/") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
