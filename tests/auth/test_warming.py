from __future__ import annotations

import pytest

from quintet import auth
from quintet.auth import MemoryKeySource, RecordingKeySource
from quintet.auth.keyring import WARM_SECONDS, KeyRing
from quintet.auth.tokens import _state
from quintet.errors import UnavailableException


class Late:
    """A source that comes up after a few questions."""

    def __init__(self, inner, *, refusals):
        self.inner, self.refusals = inner, refusals

    def fetch(self, issuer):
        self.refusals -= 1
        if self.refusals >= 0:
            raise UnavailableException("not up yet")
        return self.inner.fetch(issuer)


@pytest.fixture
def recording(source):
    return RecordingKeySource(source)


def ring_on(source, pauses):
    return KeyRing(source, start=lambda job: job(), pause=pauses.append)


def test_warm_keys_are_there_before_the_first_token(recording, users):
    ring = ring_on(recording, [])
    ring.warm(["users"])
    asked = len(recording.asked)

    assert ring.find("users", users.keys.kid) is not None
    assert len(recording.asked) == asked == 1


def test_an_issuer_that_is_not_up_yet_is_asked_until_it_is(source, users):
    pauses = []
    ring = ring_on(Late(source, refusals=3), pauses)

    ring.warm(["users"])

    assert pauses == [WARM_SECONDS] * 3
    assert ring.find("users", users.keys.kid) is not None


def test_a_document_without_keys_is_asked_for_again(users):
    source = MemoryKeySource({"users": {"keys": []}})
    ring = ring_on(source, [])
    ring._pause = lambda _: source.documents.update(users={"keys": [users.jwk]})

    ring.warm(["users"])

    assert ring.find("users", users.keys.kid) is not None


def test_keys_that_are_there_are_not_asked_for_again(recording, users):
    ring = ring_on(recording, [])
    ring.find("users", users.keys.kid)

    ring.warm(["users"])

    assert recording.asked == ["users"]


def test_nobody_to_trust_is_nobody_to_ask():
    started = []

    KeyRing(MemoryKeySource({}), start=started.append).warm([])

    assert started == []


def test_a_server_asks_for_the_keys_of_all_others_but_not_for_its_own(monkeypatch, configure):
    configure(AUTH_ISSUERS="users=http://u/jwks.json,orders=http://o/jwks.json")
    asked = []
    monkeypatch.setattr(type(_state.ring), "warm", lambda _, issuers: asked.append(set(issuers)))

    auth.warm_keys()

    assert asked == [{"users"}]
