"""What happens to logins."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.utils import timezone
from people import PASSWORD

from quintet import auth
from users import domain
from users.models import ModestArgon2, Session, User


@pytest.fixture
def tokens(john):
    """What John's login is worth."""
    return domain.log_in("john", PASSWORD)


@pytest.fixture
def reuses():
    """How many logins were ended since, because a token was used twice."""
    before = domain.REUSES._value.get()
    return lambda: domain.REUSES._value.get() - before


def logins(status):
    return domain.LOGINS.labels(status=status)._value.get()


def test_a_login_gives_a_proof_of_who_it_is(john, tokens):
    principal = auth.verify(tokens.access)

    assert (principal.user_id, principal.is_staff) == (john.pk, False)
    assert (tokens.token_type, tokens.expires_in) == ("Bearer", 900)


def test_the_proof_of_an_operator_says_staff(operator):
    assert auth.verify(domain.open_session(operator).access).is_staff


def test_a_login_finds_the_name_in_any_case(john):
    assert domain.log_in("JOHN", PASSWORD)


def test_a_login_is_remembered_and_counted(john):
    before = logins("success")

    domain.log_in("john", PASSWORD)

    assert User.objects.get().last_login is not None
    assert logins("success") == before + 1


@pytest.mark.parametrize("name", ["john", "nobody", "idle", "silent"])
def test_every_refused_login_is_the_same_error_after_the_same_work(john, person, hashed, name):
    person("idle", password=PASSWORD, is_active=False)
    person("silent")
    hashed.clear()
    before = logins("failure")

    with pytest.raises(domain.LoginRefused) as caught:
        domain.log_in(name, PASSWORD if name == "idle" else "wrong")

    assert caught.value.message == "The username or the password is wrong."
    assert len(hashed) == 1
    assert logins("failure") == before + 1


def test_a_login_renews_a_hash_with_other_parameters(john):
    class Heavier(ModestArgon2):
        memory_cost = 32 * 1024

    User.objects.update(password=make_password(PASSWORD, hasher=Heavier()))

    domain.log_in("john", PASSWORD)

    assert "m=19456" in User.objects.get().password


def test_neither_the_database_nor_a_print_holds_the_refresh_token(tokens):
    _, secret = tokens.refresh.split(".")

    assert secret not in str(Session.objects.values().get())
    assert secret not in repr(tokens)


def test_the_id_of_a_login_is_in_no_access_token(tokens):
    assert "sid" not in auth.tokens.unpacked(tokens.access).claims


def test_a_refresh_token_buys_another_pair(john, tokens):
    fresh = domain.refresh(tokens.refresh)

    assert auth.verify(fresh.access).user_id == john.pk
    assert domain.refresh(fresh.refresh)


def test_a_refresh_token_that_is_used_again_ends_the_whole_family(tokens):
    fresh = domain.refresh(tokens.refresh)

    with pytest.raises(domain.RefreshRefused):
        domain.refresh(tokens.refresh)
    with pytest.raises(domain.RefreshRefused):
        domain.refresh(fresh.refresh)


def test_a_second_use_is_counted_and_logged_without_what_would_help_a_thief(
    john, tokens, reuses, captured_logs
):
    domain.refresh(tokens.refresh)

    for _ in range(3):
        with pytest.raises(domain.RefreshRefused):
            domain.refresh(tokens.refresh)

    (line,) = [it for it in captured_logs if it["message"] == "refresh token was used twice"]
    assert (line["level"], line["user_id"]) == ("WARNING", john.pk)
    assert not any(part in str(captured_logs) for part in tokens.refresh.split("."))
    assert reuses() == 1


@pytest.mark.parametrize(
    "over", [{"expires_at": timezone.now()}, {"revoked_at": timezone.now()}], ids=str
)
def test_a_token_of_a_login_that_is_over_says_nothing_about_thieves(tokens, reuses, over):
    Session.objects.update(**over)

    with pytest.raises(domain.RefreshRefused):
        domain.refresh(tokens.refresh)

    assert reuses() == 0


def test_who_lost_the_answer_gets_the_same_token_again_for_the_same_key(john, tokens, reuses):
    lost = domain.refresh(tokens.refresh, key="k1")
    again = domain.refresh(tokens.refresh, key="k1")

    assert again.refresh == lost.refresh
    assert auth.verify(again.access).user_id == john.pk
    assert domain.refresh(again.refresh, key="k2")
    assert reuses() == 0


@pytest.mark.parametrize("key", ["k2", None])
def test_who_has_the_token_and_not_the_key_is_a_thief(tokens, reuses, key):
    fresh = domain.refresh(tokens.refresh, key="k1")

    with pytest.raises(domain.RefreshRefused):
        domain.refresh(tokens.refresh, key=key)
    with pytest.raises(domain.RefreshRefused):
        domain.refresh(fresh.refresh)

    assert reuses() == 1


def test_a_refresh_is_repeated_only_until_its_token_is_used(tokens, reuses):
    fresh = domain.refresh(tokens.refresh, key="k1")
    domain.refresh(fresh.refresh, key="k1")

    with pytest.raises(domain.RefreshRefused):
        domain.refresh(tokens.refresh, key="k1")

    assert reuses() == 1


@pytest.mark.parametrize(
    "over", [{"expires_at": timezone.now()}, {"revoked_at": timezone.now()}], ids=str
)
def test_nobody_repeats_a_refresh_of_a_login_that_is_over(tokens, over):
    domain.refresh(tokens.refresh, key="k1")
    Session.objects.update(**over)

    with pytest.raises(domain.RefreshRefused):
        domain.refresh(tokens.refresh, key="k1")


def test_a_refresh_is_repeated_only_while_an_answer_may_have_been_lost(tokens, reuses):
    """The naive version waits for the next refresh, which may be days away."""
    domain.refresh(tokens.refresh, key="k1")
    Session.objects.update(rotated_at=timezone.now() - domain.ANSWER_LOST)

    with pytest.raises(domain.RefreshRefused):
        domain.refresh(tokens.refresh, key="k1")

    assert Session.objects.get().revoked_at is not None
    assert reuses() == 1


def test_a_repetition_prolongs_neither_the_login_nor_the_time_for_repetitions(tokens):
    domain.refresh(tokens.refresh, key="k1")
    times = Session.objects.values_list("rotated_at", "expires_at")
    before = times.get()

    domain.refresh(tokens.refresh, key="k1")

    assert times.get() == before


def test_a_token_that_was_never_used_may_wait_as_long_as_it_lives(tokens):
    Session.objects.update(rotated_at=timezone.now() - timedelta(days=3))

    assert domain.refresh(tokens.refresh, key="k1")


def test_the_next_token_cannot_be_computed_from_an_old_one_and_its_key(settings):
    ours = domain.successor("secret", "k1")
    settings.SECRET_KEY = "the guess of a thief"

    assert domain.successor("secret", "k1") != ours


def test_the_end_of_one_family_leaves_the_others_alone(john, tokens):
    other = domain.log_in("john", PASSWORD)

    domain.revoke(tokens.refresh)

    assert domain.refresh(other.refresh)


@pytest.mark.parametrize("token", ["", ".", "no token", f"{'0' * 32}.secret", "0" * 32])
def test_a_token_of_no_family_is_refused_and_may_be_revoked(db, token):
    with pytest.raises(domain.RefreshRefused):
        domain.refresh(token)
    domain.revoke(token)


def test_a_revoked_login_cannot_be_refreshed(tokens):
    domain.revoke(tokens.refresh)

    with pytest.raises(domain.RefreshRefused):
        domain.refresh(tokens.refresh)


def test_an_expired_refresh_token_is_refused(tokens):
    Session.objects.update(expires_at=timezone.now())

    with pytest.raises(domain.RefreshRefused):
        domain.refresh(tokens.refresh)


def test_a_deactivated_user_can_neither_refresh_nor_log_in(john, tokens):
    domain.deactivate(john)

    with pytest.raises(domain.RefreshRefused):
        domain.refresh(tokens.refresh)
    with pytest.raises(domain.LoginRefused):
        domain.log_in("john", PASSWORD)


def test_a_login_that_was_ended_stays_ended_when_its_user_is_activated_again(john, tokens):
    domain.deactivate(john)
    domain.activate(john)

    with pytest.raises(domain.RefreshRefused):
        domain.refresh(tokens.refresh)


def test_a_refresh_prolongs_a_login_up_to_its_end(tokens):
    env = domain.environment()
    began_at = timezone.now()

    early = domain.expiry(began_at, began_at)
    late = domain.expiry(began_at + timedelta(seconds=env.SESSION_SECONDS - 1), began_at)

    assert early == began_at + timedelta(seconds=env.REFRESH_TOKEN_SECONDS)
    assert late == began_at + timedelta(seconds=env.SESSION_SECONDS)


def test_pruning_removes_what_can_never_be_refreshed_again(john, tokens):
    now = timezone.now()
    Session.objects.filter(pk=domain.parse(domain.open_session(john).refresh)[0]).update(
        expires_at=now
    )
    domain.revoke(domain.open_session(john).refresh)

    assert domain.prune_sessions(now) == 2
    assert domain.refresh(tokens.refresh)


def used_at_once(token, key):
    """The refresh tokens that eight simultaneous uses of one brought, ``None`` for a refusal."""
    barrier = threading.Barrier(8)

    def use(_):
        try:
            barrier.wait()
            return domain.refresh(token, key=key).refresh
        except domain.RefreshRefused:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(use, range(8)))


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_uses_of_a_refresh_token_exactly_one_succeeds(tokens, reuses):
    outcomes = used_at_once(tokens.refresh, None)

    assert len(list(filter(None, outcomes))) == 1
    assert Session.objects.get().revoked_at is not None
    assert reuses() == 1


@pytest.mark.django_db(transaction=True)
def test_simultaneous_repetitions_with_one_key_all_get_the_same_token(tokens, reuses):
    (fresh,) = set(used_at_once(tokens.refresh, "k1"))

    assert domain.refresh(fresh)
    assert reuses() == 0


@pytest.mark.parametrize(
    "go", [lambda users: users.update(is_active=False), lambda users: users.delete()]
)
def test_whoever_leaves_while_the_password_is_checked_is_not_logged_in(john, monkeypatch, go):
    def check_slowly(user, _password):
        go(User.objects.filter(pk=user.pk))
        return True

    monkeypatch.setattr(User, "check_password", check_slowly)
    before = logins("failure")

    with pytest.raises(domain.LoginRefused):
        domain.log_in("john", PASSWORD)

    assert not Session.objects.exists()
    assert logins("failure") == before + 1


@pytest.mark.django_db(transaction=True)
def test_an_account_is_deleted_together_with_a_login_that_is_just_beginning(john):
    began, deleting = threading.Event(), threading.Event()

    def delete():
        began.wait()
        deleting.set()
        domain.delete(User.objects.get(pk=john.pk))
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        deletion = pool.submit(delete)
        with transaction.atomic():
            domain.open_session(john)
            began.set()
            deleting.wait()
            time.sleep(0.2)
        deletion.result()

    assert not User.objects.exists()
