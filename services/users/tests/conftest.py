"""People, the judge of their names, and ways to ask on their behalf."""

from __future__ import annotations

import pytest
from people import PASSWORD, Judge

from quintet.clients import use_transport
from users import domain
from users.models import ModestArgon2, Profile, User


@pytest.fixture(autouse=True)
def judge():
    """The validation service, content with everybody."""
    made = Judge()
    with use_transport(made):
        yield made


@pytest.fixture
def rejection(judge):
    """A judge who is content with nobody."""
    reason = {"field": "username", "code": "username_reserved", "message": "Not this one."}
    judge.answer = {"valid": False, "score": 0.0, "reasons": [reason]}
    return reason


@pytest.fixture
def person(db):
    """Make users as they are after registration."""

    def make(username, **columns):
        password = columns.pop("password", None)
        user = User(username=username, email=f"{username}@example.com", **columns)
        user.set_password(password)
        user.save()
        Profile.objects.create(user=user)
        return user

    return make


@pytest.fixture
def john(person):
    """A user who can log in."""
    return person("john", password=PASSWORD)


@pytest.fixture
def mary(person):
    """Another user."""
    return person("mary")


@pytest.fixture
def operator(person):
    """A member of staff."""
    return person("operator", is_staff=True)


@pytest.fixture
def asked():
    """What John says about himself."""
    return domain.Registration(username="john", email="john@example.com", password=PASSWORD)


@pytest.fixture
def hashed(monkeypatch):
    """The passwords that were hashed, in order."""
    seen = []
    for name in ("encode", "verify"):
        original = getattr(ModestArgon2, name)

        def watched(self, password, other, original=original):
            seen.append(password)
            return original(self, password, other)

        monkeypatch.setattr(ModestArgon2, name, watched)
    return seen
