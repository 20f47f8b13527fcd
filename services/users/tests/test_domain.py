"""What happens to accounts."""

from __future__ import annotations

import dataclasses

import pytest
from django.db import DatabaseError, connection

from quintet.errors import NotFoundException, UnavailableException, ValidationException
from users import domain
from users.models import Profile, User


def test_a_user_is_registered_together_with_a_profile(db, asked):
    user = domain.register(asked)

    assert user.profile == Profile.objects.get()
    assert (user.username, user.is_active, user.is_staff) == ("john", True, False)


def test_a_user_whose_profile_cannot_be_created_is_not_created_either(db, asked, monkeypatch):
    def fail(**_):
        raise DatabaseError

    monkeypatch.setattr(Profile.objects, "create", fail)

    with pytest.raises(DatabaseError):
        domain.register(asked)

    assert not User.objects.exists()


def test_a_registration_is_counted(db, asked):
    before = domain.REGISTRATIONS._value.get()

    domain.register(asked)

    assert domain.REGISTRATIONS._value.get() == before + 1


def test_a_password_is_kept_as_a_hash_only(db, asked):
    user = domain.register(asked)

    assert asked.password not in user.password
    assert user.check_password(asked.password)


def test_a_user_without_a_password_has_none_that_fits(db, asked):
    user = domain.register(dataclasses.replace(asked, password=None))

    assert not user.has_usable_password()


@pytest.mark.parametrize("password", ["short", "password123", "0123456789012", "john@example.com"])
def test_a_password_that_is_easy_to_guess_is_refused_before_anybody_is_asked(
    db, asked, judge, password
):
    with pytest.raises(ValidationException) as caught:
        domain.register(dataclasses.replace(asked, password=password))

    assert caught.value.details["field_errors"]["password"]
    assert judge.requests == []


def test_names_that_are_rejected_make_no_user(db, asked, rejection):
    with pytest.raises(domain.Rejected) as caught:
        domain.register(asked)

    assert caught.value.details == {
        "business_rule": "validation_rejected",
        "reasons": [rejection],
    }
    assert not User.objects.exists()


def test_without_an_answer_of_the_judge_there_is_no_user(db, asked, judge):
    judge.error = UnavailableException("Nobody there.")

    with pytest.raises(UnavailableException):
        domain.register(asked)

    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_judge_is_asked_outside_of_any_transaction(asked, judge, monkeypatch):
    inside = []
    send = judge.send
    monkeypatch.setattr(
        judge, "send", lambda request: inside.append(connection.in_atomic_block) or send(request)
    )

    domain.register(asked)

    assert inside == [False]


def test_an_address_that_somebody_has_is_refused_in_any_case(john, asked):
    with pytest.raises(domain.EmailTaken):
        domain.register(dataclasses.replace(asked, username="other", email="JOHN@example.com"))


def test_a_name_that_somebody_has_is_refused_in_any_case(john, asked):
    with pytest.raises(domain.UsernameTaken):
        domain.register(dataclasses.replace(asked, username="John", email="other@example.com"))


def test_an_error_about_a_duplicate_does_not_carry_the_address_along(john, asked):
    with pytest.raises(domain.EmailTaken) as caught:
        domain.register(dataclasses.replace(asked, username="other"))

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_operator_may_have_a_name_that_speaks_for_the_system(db, judge, rejection):
    operator = domain.make_operator(
        domain.Registration(username="admin", email="admin@example.com", password="a long secret")
    )

    assert operator.is_staff
    assert operator.profile
    assert judge.requests == []


def test_changing_a_name_asks_the_judge_again(john, judge, rejection):
    with pytest.raises(domain.Rejected):
        domain.change(john, {"username": "admin"})

    assert judge.judged == [{"username": "admin", "email": "john@example.com"}]
    assert User.objects.get().username == "john"


def test_changing_something_else_asks_nobody(john, judge):
    domain.change(john, {"username": "john", "last_name": "Doe"})

    assert User.objects.get().last_name == "Doe"
    assert judge.requests == []


def test_a_change_writes_its_own_columns_only(john):
    stale = User.objects.get()
    User.objects.update(first_name="Johnny")

    domain.change(stale, {"last_name": "Doe"})

    assert (stale.first_name, stale.last_name) == ("Johnny", "Doe")


def test_a_change_of_a_user_who_is_gone_finds_nobody(john):
    gone = User.objects.get()
    john.delete()

    with pytest.raises(NotFoundException):
        domain.change(gone, {"last_name": "Doe"})


def test_a_change_to_a_taken_name_is_refused(john, mary):
    with pytest.raises(domain.UsernameTaken):
        domain.change(mary, {"username": "JOHN"})


def test_activity_is_switched_off_and_on(john):
    domain.deactivate(john)
    assert domain.count_active() == 0

    domain.activate(john)
    assert domain.count_active() == 1


def test_deleting_a_user_deletes_what_belongs_to_it(john):
    domain.open_session(john)

    domain.delete(john)

    assert not User.objects.exists()
    assert not Profile.objects.exists()


def test_a_profile_of_a_user_who_left_meanwhile_is_not_found(john):
    User.objects.filter(pk=john.pk).delete()

    with pytest.raises(NotFoundException):
        domain.change_profile(john, {"city": "Berlin"})
    with pytest.raises(NotFoundException):
        domain.profile_of(john)
