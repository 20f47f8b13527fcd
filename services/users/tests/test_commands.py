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


def test_pruning_says_how_many_logins_were_removed(john):
    domain.open_session(john)
    Session.objects.update(expires_at=timezone.now())
    out = io.StringIO()

    call_command("prune_sessions", stdout=out)

    assert out.getvalue() == "Removed 1 sessions.\n"
