"""What the database itself keeps true."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from users.models import ModestArgon2, Profile, User, violated_constraint


def violation(**columns):
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        User.objects.create(**columns)
    return violated_constraint(caught.value)


def test_an_e_mail_address_exists_once_in_any_case(john):
    assert violation(username="other", email="JOHN@Example.com") == "unique_email"


def test_a_name_exists_once_in_any_case(john):
    assert violation(username="JOHN", email="other@example.com") == "unique_username"


def test_the_name_of_a_constraint_is_not_taken_from_the_data(john):
    forged = """x"constraint "unique_username"@example.com"""
    User.objects.create(username="forger", email=forged)

    assert violation(username="other", email=forged) == "unique_email"


def test_another_violation_names_no_unique_constraint_of_users(john):
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Profile.objects.create(user=john)

    assert violated_constraint(caught.value) not in {"unique_email", "unique_username"}


@pytest.mark.parametrize("name", ["john", "JOHN"])
def test_a_user_is_found_by_name_in_any_case(john, name):
    assert User.objects.named(name).get() == john


def test_a_user_is_found_by_address_in_any_case(john):
    assert User.objects.addressed("John@EXAMPLE.com").get() == john


@pytest.mark.parametrize("column", ["name", "address"])
def test_finding_somebody_uses_the_unique_index(db, column):
    found = User.objects.named("x") if column == "name" else User.objects.addressed("x")

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert "unique_" in found.order_by().explain()


def test_a_hash_is_argon2id_with_19_mebibytes():
    assert make_password("secret").startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_hash_with_other_parameters_is_still_understood_and_due_for_renewal():
    class Heavier(ModestArgon2):
        memory_cost = 32 * 1024

    encoded = Heavier().encode("secret", "salt" * 6)

    assert check_password("secret", encoded)
    assert ModestArgon2().must_update(encoded)


def test_the_migrations_say_what_the_models_say(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_everything_says_what_it_is_without_telling_secrets(john):
    john.sessions.create(
        digest="d" * 64,
        created_at=john.created_at,
        rotated_at=john.created_at,
        expires_at=john.created_at,
    )

    assert str(john) == "john"
    assert str(john.profile) == f"profile of user {john.pk}"
    assert "d" * 64 not in str(john.sessions.get())
