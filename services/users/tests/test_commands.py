"""What is done from a shell."""

from __future__ import annotations

import io
import sys

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from users import domain
from users.models import Session, User


@pytest.fixture
def piped(monkeypatch):
    """Something on standard input."""

    def pipe(text):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return pipe


def create(email="root@example.com", **options):
    out = io.StringIO()
    call_command("create_operator", username="root", email=email, stdout=out, **options)
    return out.getvalue()


def test_an_operator_is_created_with_the_password_from_standard_input(db, piped):
    piped("a long secret \n")

    said = create(password_stdin=True)

    operator = User.objects.get()
    assert said == f"Created the operator root with id {operator.pk}.\n"
    assert operator.is_staff
    assert operator.check_password("a long secret ")


def test_a_weak_password_makes_no_operator(db, piped):
    piped("short\n")

    with pytest.raises(CommandError, match="too short"):
        create(password_stdin=True)

    assert not User.objects.exists()


def test_something_that_is_no_address_makes_no_operator(db, piped):
    piped("a long secret\n")

    with pytest.raises(CommandError, match="valid email"):
        create(email="nowhere", password_stdin=True)


def test_a_second_operator_of_the_same_name_is_refused(db, piped):
    piped("a long secret\n")
    create(password_stdin=True)
    piped("a long secret\n")

    with pytest.raises(CommandError, match="name exists"):
        create(email="other@example.com", password_stdin=True)


def test_without_a_terminal_the_way_out_is_named(db, piped):
    piped("")

    with pytest.raises(CommandError, match="--password-stdin"):
        create()


def end(**who):
    out = io.StringIO()
    call_command("end_sessions", stdout=out, **who)
    return out.getvalue()


@pytest.mark.parametrize("by", ["username", "id"])
def test_a_user_is_logged_out_everywhere_and_may_log_in_again(john, mary, by):
    lost = [domain.open_session(john) for _ in range(2)]
    others = domain.open_session(mary)

    said = end(**({"username": "JOHN"} if by == "username" else {"id": john.pk}))

    assert said == ("Ended 2 logins. Access tokens expire by themselves, within 900 seconds.\n")
    for tokens in lost:
        with pytest.raises(domain.RefreshRefused):
            domain.refresh(tokens.refresh)
    assert domain.refresh(others.refresh)
    assert domain.refresh(domain.open_session(john).refresh)


def test_everybody_is_logged_out_at_once(john, mary):
    lost = [domain.open_session(user) for user in (john, mary)]

    assert end(everybody=True).startswith("Ended 2 logins.")

    for tokens in lost:
        with pytest.raises(domain.RefreshRefused):
            domain.refresh(tokens.refresh)


def test_only_logins_that_were_alive_are_counted(john):
    domain.open_session(john)
    Session.objects.update(expires_at=timezone.now())

    assert end(username="john").startswith("Ended 0 logins")


@pytest.mark.parametrize("who", [{"username": "nobody"}, {"id": 0}])
def test_nobody_is_not_logged_out(db, who):
    with pytest.raises(CommandError, match=f"no user {next(iter(who.values()))!r}"):
        end(**who)


@pytest.mark.parametrize("who", [{}, {"username": "john", "id": 1}])
def test_a_user_is_named_in_one_way(db, who):
    with pytest.raises(CommandError):
        end(**who)


def test_pruning_says_how_many_logins_were_removed(john):
    domain.open_session(john)
    Session.objects.update(expires_at=timezone.now())
    out = io.StringIO()

    call_command("prune_sessions", stdout=out)

    assert out.getvalue() == "Removed 1 sessions.\n"
