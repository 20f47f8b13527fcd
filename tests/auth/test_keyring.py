from __future__ import annotations

import os
import threading

import pytest

from quintet import auth
from quintet.auth import MemoryKeySource, RecordingKeySource, UnknownIssuer
from quintet.auth.keyring import (
    COOLDOWN_SECONDS,
    FRESH_SECONDS,
    OVERDUE_SECONDS,
    RETRY_SECONDS,
    USABLE_SECONDS,
    KeyRing,
)
from quintet.errors import UnavailableException
from tests.auth.forging import Issuer


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Shaky:
    """A source that can be down, and that can be held up while somebody asks."""

    def __init__(self, inner):
        self.inner, self.down = inner, False
        self.entered, self.let_go = threading.Event(), threading.Event()
        self.let_go.set()

    def fetch(self, issuer):
        self.entered.set()
        self.let_go.wait()
        if self.down:
            raise UnavailableException("down")
        return self.inner.fetch(issuer)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def shaky(source):
    return Shaky(source)


@pytest.fixture
def recording(shaky):
    return RecordingKeySource(shaky)


@pytest.fixture
def ring(recording, clock):
    return KeyRing(recording, clock=clock, start=lambda job: job())


def rotate(source, *issuers):
    source.documents["users"] = {"keys": [issuer.jwk for issuer in issuers]}


def test_keys_are_fetched_once_for_many_tokens(ring, recording, users):
    found = [ring.find("users", users.keys.kid) for _ in range(50)]

    assert all(found)
    assert recording.asked == ["users"]


def test_a_flood_of_unknown_key_ids_makes_one_fetch_per_cooldown(ring, recording, users, clock):
    ring.find("users", users.keys.kid)

    for second in range(int(COOLDOWN_SECONDS * 3)):
        clock.now += 1
        assert [ring.find("users", f"forged-{second}-{n}") for n in range(20)] == [None] * 20

    assert len(recording.asked) == 1 + 3


def test_a_flood_of_unknown_issuers_leaves_nothing_behind(ring):
    for number in range(100):
        with pytest.raises(UnknownIssuer):
            ring.find(f"mallory-{number}", "kid")

    assert ring._entries == {}


def test_a_key_that_was_just_rotated_in_is_found_at_once(ring, source, users, clock):
    ring.find("users", users.keys.kid)
    clock.now += 1
    renewed = Issuer("users")
    rotate(source, renewed, users)

    assert ring.find("users", renewed.keys.kid) is not None
    assert ring.find("users", users.keys.kid) is not None


def test_a_rotation_with_overlap_refuses_no_token(ring, source, users, clock):
    renewed = Issuer("users")
    signing = users

    for step in range(60):
        clock.now += 30
        if step == 10:
            rotate(source, users, renewed)
        if step == 25:
            rotate(source, renewed, users)
            signing = renewed
        assert ring.find("users", signing.keys.kid) is not None


def test_a_retired_key_is_refused_after_the_keys_were_renewed(ring, source, users, clock):
    ring.find("users", users.keys.kid)
    rotate(source, Issuer("users"))
    clock.now += FRESH_SECONDS + 1

    ring.find("users", users.keys.kid)

    assert ring.find("users", users.keys.kid) is None


def test_a_key_that_was_taken_away_is_refused_after_a_quiet_night(recording, source, users, clock):
    jobs = []
    ring = KeyRing(recording, clock=clock, start=jobs.append)
    ring.find("users", users.keys.kid)
    rotate(source, Issuer("users"))
    clock.now += OVERDUE_SECONDS + 1

    assert ring.find("users", users.keys.kid) is None
    assert jobs == []


def test_nobody_who_comes_after_a_quiet_night_is_believed_meanwhile(ring, shaky, users, clock):
    ring.find("users", users.keys.kid)
    rotate(shaky.inner, Issuer("users"))
    clock.now += OVERDUE_SECONDS + 1

    assert asked_at_once(ring, shaky, [users.keys.kid] * 50) == [None] * 50


def test_nobody_waits_a_second_time_for_an_issuer_that_is_down(recording, shaky, users, clock):
    jobs = []
    ring = KeyRing(recording, clock=clock, start=jobs.append)
    ring.find("users", users.keys.kid)
    shaky.down = True
    clock.now += OVERDUE_SECONDS + 1

    found = [ring.find("users", users.keys.kid) for _ in range(3)]
    clock.now += COOLDOWN_SECONDS
    found.append(ring.find("users", users.keys.kid))

    assert all(found)
    assert recording.asked == ["users"] * 2
    assert len(jobs) == 1


def test_an_issuer_that_is_back_is_believed_again(ring, shaky, source, users, clock):
    ring.find("users", users.keys.kid)
    shaky.down = True
    clock.now += OVERDUE_SECONDS + 1
    ring.find("users", users.keys.kid)
    shaky.down = False
    rotate(source, Issuer("users"))
    clock.now += COOLDOWN_SECONDS
    ring.find("users", users.keys.kid)

    assert ring.find("users", users.keys.kid) is None


def test_stale_keys_are_used_while_the_issuer_is_down(ring, shaky, users, clock):
    ring.find("users", users.keys.kid)
    shaky.down = True

    for _ in range(20):
        clock.now += USABLE_SECONDS / 21
        assert ring.find("users", users.keys.kid) is not None


def test_an_issuer_that_is_down_is_asked_once_per_cooldown(ring, shaky, recording, users, clock):
    ring.find("users", users.keys.kid)
    shaky.down = True
    clock.now += FRESH_SECONDS + 1

    for _ in range(60):
        clock.now += 1
        ring.find("users", users.keys.kid)

    assert len(recording.asked) == 1 + 2


def test_keys_older_than_a_day_are_not_used(ring, shaky, users, clock):
    ring.find("users", users.keys.kid)
    shaky.down = True
    clock.now += USABLE_SECONDS + 1

    with pytest.raises(UnavailableException):
        ring.find("users", users.keys.kid)


def test_without_any_keys_the_issuer_is_asked_again_soon_but_not_each_time(
    ring, shaky, recording, users, clock
):
    shaky.down = True
    for _ in range(10):
        with pytest.raises(UnavailableException) as raised:
            ring.find("users", users.keys.kid)
    shaky.down = False
    clock.now += RETRY_SECONDS

    assert ring.find("users", users.keys.kid) is not None
    assert len(recording.asked) == 2
    assert raised.value.retry_after_seconds == RETRY_SECONDS


@pytest.mark.parametrize("document", [{}, {"keys": []}, {"keys": [{"kty": "oct"}]}])
def test_a_document_without_usable_keys_does_not_wipe_the_keys(
    ring, source, users, clock, document
):
    ring.find("users", users.keys.kid)
    source.documents["users"] = document
    clock.now += FRESH_SECONDS + 1

    found = [ring.find("users", users.keys.kid) for _ in range(3)]

    assert all(found)


def test_an_issuer_that_is_trusted_no_more_is_forgotten(ring, source, users, clock):
    ring.find("users", users.keys.kid)
    del source.documents["users"]
    clock.now += USABLE_SECONDS + 1

    with pytest.raises(UnknownIssuer):
        ring.find("users", users.keys.kid)

    assert ring._entries == {}


def test_an_issuer_that_is_trusted_no_more_is_forgotten_in_the_background_too(
    recording, source, users, clock
):
    jobs = []
    ring = KeyRing(recording, clock=clock, start=jobs.append)
    ring.find("users", users.keys.kid)
    del source.documents["users"]
    clock.now += FRESH_SECONDS + 1
    ring.find("users", users.keys.kid)

    jobs.pop()()

    with pytest.raises(UnknownIssuer):
        ring.find("users", users.keys.kid)


def asked_at_once(ring, shaky, kids):
    """What a thread for each key id finds, when all ask while the first fetch is under way."""
    shaky.let_go.clear()
    shaky.entered.clear()
    together, found = threading.Barrier(len(kids)), []

    def ask(kid):
        together.wait()
        found.append(ring.find("users", kid))

    threads = [threading.Thread(target=ask, args=(kid,)) for kid in kids]
    for thread in threads:
        thread.start()
    shaky.entered.wait()
    shaky.let_go.set()
    for thread in threads:
        thread.join()
    return found


def test_fifty_threads_without_keys_make_one_fetch_and_all_get_the_key(
    ring, shaky, recording, users
):
    found = asked_at_once(ring, shaky, [users.keys.kid] * 50)

    assert len(found) == 50
    assert all(found)
    assert recording.asked == ["users"]


def test_a_slow_fetch_does_not_hold_those_whose_key_is_known(ring, shaky, users):
    ring.find("users", users.keys.kid)
    shaky.entered.clear()
    shaky.let_go.clear()
    seeker = threading.Thread(target=ring.find, args=("users", "unknown"))
    seeker.start()
    shaky.entered.wait()

    found = ring.find("users", users.keys.kid)

    shaky.let_go.set()
    seeker.join()
    assert found is not None


def test_a_fetch_that_outlasts_the_cooldown_is_not_joined_by_another(
    ring, shaky, recording, users, clock
):
    ring.find("users", users.keys.kid)
    shaky.entered.clear()
    shaky.let_go.clear()
    first, second = (
        threading.Thread(target=ring.find, args=("users", name)) for name in ("one", "two")
    )
    first.start()
    shaky.entered.wait()
    clock.now += COOLDOWN_SECONDS * 2
    second.start()
    second.join(0.1)

    shaky.let_go.set()
    first.join()
    second.join()

    assert len(recording.asked) == 2


def test_a_new_key_is_found_by_all_who_ask_while_it_is_fetched(ring, shaky, source, users):
    ring.find("users", users.keys.kid)
    renewed = Issuer("users")
    rotate(source, renewed)
    shaky.entered.clear()
    shaky.let_go.clear()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(ring.find("users", renewed.keys.kid)))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    shaky.entered.wait()

    shaky.let_go.set()
    for thread in threads:
        thread.join()

    assert len(found) == 10
    assert all(found)


def test_keys_are_renewed_in_the_background(recording, shaky, users, clock):
    ring = KeyRing(recording, clock=clock)
    ring.find("users", users.keys.kid)
    clock.now += FRESH_SECONDS + 1
    shaky.entered.clear()

    ring.find("users", users.keys.kid)

    assert shaky.entered.wait(5)
    for thread in threading.enumerate():
        if thread.name == "quintet-auth-keys":
            thread.join()
    assert ring._entries["users"].fetched_at == clock.now


def test_a_machine_without_threads_to_spare_renews_the_keys_later(recording, users, clock):
    spare = []

    def start(job):
        if not spare:
            raise RuntimeError("can't start new thread")
        job()

    ring = KeyRing(recording, clock=clock, start=start)
    ring.find("users", users.keys.kid)
    clock.now += FRESH_SECONDS + 1
    found = [ring.find("users", users.keys.kid) for _ in range(3)]
    spare.append("a thread")
    clock.now += COOLDOWN_SECONDS
    found.append(ring.find("users", users.keys.kid))

    assert all(found)
    assert recording.asked == ["users"] * 2


def test_fifty_threads_with_fifty_forged_key_ids_make_one_fetch(ring, shaky, recording, users):
    ring.find("users", users.keys.kid)

    found = asked_at_once(ring, shaky, [f"forged-{number}" for number in range(50)])

    assert found == [None] * 50
    assert recording.asked == ["users"] * 2


def test_a_forked_child_verifies_though_its_parent_held_the_lock(users):
    token = users.user()
    auth.verify(token)
    ring = auth.tokens._state.ring

    with ring._lock:
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if auth.verify(token).user_id == 7 else 1)
            finally:
                os._exit(2)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0


def test_a_memory_source_trusts_nobody_else():
    with pytest.raises(UnknownIssuer):
        MemoryKeySource({}).fetch("users")


def test_whoever_waits_while_an_issuer_turns_out_to_be_unknown_is_refused_too(ring, shaky):
    shaky.let_go.clear()
    raised = []

    def ask():
        try:
            ring.find("mallory", "kid")
        except (UnknownIssuer, UnavailableException) as error:
            raised.append(type(error))

    first, second = threading.Thread(target=ask), threading.Thread(target=ask)
    first.start()
    shaky.entered.wait()
    second.start()
    second.join(0.1)

    shaky.let_go.set()
    first.join()
    second.join()

    assert raised == [UnknownIssuer, UnknownIssuer]


def test_an_unknown_key_id_that_found_the_issuer_down_is_the_try_of_a_renewal_too(
    ring, shaky, recording, users, clock
):
    ring.find("users", users.keys.kid)
    shaky.down = True
    clock.now += FRESH_SECONDS + 1

    ring.find("users", "unknown")
    ring.find("users", users.keys.kid)

    assert len(recording.asked) == 1 + 1
