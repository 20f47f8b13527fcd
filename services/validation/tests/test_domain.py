"""The rules of the validation service."""

from __future__ import annotations

import random

import pytest

from validation.domain import (
    LONGEST_EMAIL,
    LONGEST_LOCAL_PART,
    LONGEST_USERNAME,
    MINIMUM_SCORE,
    WEIGHTS,
    judge,
)


def codes(username="johndoe", email="john@example.com"):
    return [reason.code for reason in judge(username, email).reasons]


def test_a_person_is_accepted_with_the_full_score():
    verdict = judge("johndoe", "john@example.com")

    assert (verdict.valid, verdict.score, verdict.reasons) == (True, 1.0, ())


@pytest.mark.parametrize(
    "email", ["", "john", "john@", "@example.com", "a b@example.com", "a@b@c.de"]
)
def test_a_string_that_is_no_address_is_refused_for_that_alone(email):
    assert codes(email=email) == ["email_syntax"]


def test_the_longest_local_part_is_accepted_and_one_more_character_is_not():
    longest = "a" * LONGEST_LOCAL_PART

    assert codes(email=f"{longest}@example.com") == []
    assert codes(email=f"a{longest}@example.com") == ["email_too_long"]


def test_the_longest_address_is_accepted_and_one_more_character_is_not():
    domain = ".".join(["d" * 60] * 3) + ".example.com"
    longest = "a" * (LONGEST_EMAIL - len(domain) - 1)

    assert codes(email=f"{longest}@{domain}") == []
    assert codes(email=f"a{longest}@{domain}") == ["email_too_long"]


@pytest.mark.parametrize("domain", ["mailinator.com", "MAILINATOR.com", "eu.mailinator.com"])
def test_a_throw_away_mailbox_is_refused_in_any_case_and_below_any_sub_domain(domain):
    verdict = judge("johndoe", f"john@{domain}")

    assert [reason.code for reason in verdict.reasons] == ["email_disposable"]
    assert not verdict.valid


def test_a_domain_that_only_ends_like_a_disposable_one_is_accepted():
    assert codes(email="john@notmailinator.com") == []


@pytest.mark.parametrize("local", ["info", "Info", "noreply", "support+john"])
def test_a_role_account_lowers_the_score_and_is_still_accepted(local):
    verdict = judge("johndoe", f"{local}@example.com")

    assert [reason.code for reason in verdict.reasons] == ["email_role_account"]
    assert (verdict.valid, verdict.score) == (True, 0.7)


def test_a_domain_label_of_two_scripts_is_refused():
    cyrillic_a = "\u0430"

    assert codes(email=f"john@ex{cyrillic_a}mple.com") == ["email_mixed_script"]


def test_a_whole_label_in_another_script_is_accepted():
    assert codes(email="john@bücher.例え.jp") == []


@pytest.mark.parametrize("name", ["joe", "a.b_c-d", "Zoë", "Иван", "हिन्दी", "山田たろう", "user42"])
def test_a_name_in_one_writing_system_is_accepted(name):
    assert codes(username=name) == []


@pytest.mark.parametrize(
    "name",
    ["a b", "a..b", ".abc", "abc-", "a/b/c", "a@b", "abc\n", "a\u200bbc", "ﬁsh", "\u0301abc"],
)
def test_a_name_with_something_else_than_letters_and_digits_is_refused(name):
    assert codes(username=name) == ["username_characters"]


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (2, ["username_too_short"]),
        (3, []),
        (LONGEST_USERNAME, []),
        (LONGEST_USERNAME + 1, ["username_too_long"]),
    ],
)
def test_the_length_of_a_name_has_two_ends(length, expected):
    assert codes(username="n" * length) == expected


@pytest.mark.parametrize("name", ["admin", "Admin", "ROOT", "ad.min", "adm1n", "nu11", "r00t"])
def test_a_name_that_speaks_for_the_system_is_refused(name):
    assert codes(username=name) == ["username_reserved"]


@pytest.mark.parametrize("name", ["\u0430dmin", "\u0391dm1n"], ids=["Cyrillic a", "Greek Alpha"])
def test_a_homoglyph_of_a_reserved_name_is_refused_for_both_reasons(name):
    assert codes(username=name) == ["username_reserved", "username_mixed_script"]


def test_a_name_of_two_scripts_is_refused():
    verdict = judge("p\u0430ypal", "john@example.com")

    assert [reason.code for reason in verdict.reasons] == ["username_mixed_script"]
    assert not verdict.valid


def test_a_foreign_name_that_reads_as_a_latin_one_lowers_the_score():
    verdict = judge("\u0440\u0430\u0443\u0440\u0430\u0443", "john@example.com")

    assert [reason.code for reason in verdict.reasons] == ["username_confusable"]
    assert verdict.valid


def test_two_light_reasons_refuse_together():
    verdict = judge("\u0440\u0430\u0443\u0440\u0430\u0443", "info@example.com")

    assert (verdict.valid, verdict.score) == (False, 0.4)


def test_a_score_never_goes_below_zero():
    assert judge("a", "nobody").score == 0


@pytest.fixture(params=range(200))
def strings(request):
    """Two strings of letters, signs and surprises; the same ones in every run."""
    chance = random.Random(request.param)  # noqa: S311 - repeatable, not secret
    alphabet = "abz019._-@ АЖяΩω山たक्ह\u0301\u200b\x00\U0001f600\ud800ﬁ"
    return tuple("".join(chance.choices(alphabet, k=chance.randrange(80))) for _ in range(2))


def test_any_two_strings_get_a_verdict_that_agrees_with_its_reasons(strings):
    verdict = judge(*strings)

    lost = sum(WEIGHTS[reason.code] for reason in verdict.reasons)
    assert verdict.score == pytest.approx(max(0.0, 1.0 - lost), abs=0.005)
    assert verdict.valid == (verdict.score >= MINIMUM_SCORE)


def test_every_reason_names_the_field_that_its_code_begins_with(strings):
    for reason in judge(*strings).reasons:
        assert reason.code.startswith(f"{reason.field}_")
        assert reason.message.endswith(".")


@pytest.mark.parametrize(
    "letter",
    ["\u034f", "\u1160", "\u17b4", "\u180b", "\u200d", "\u2800", "\ufe0f", "\U000e0100"],
    ids=ascii,
)
def test_a_letter_that_nobody_sees_is_no_part_of_a_name(letter):
    assert "username_characters" in codes(f"jo{letter}hn")
    assert not judge(letter * 3, "john@example.com").valid


def test_a_tower_of_marks_is_no_name():
    assert codes("nguyễn") == codes("jo" + "\u0336\u0337\u0338\u0321" + "hn") == []
    assert codes("jo" + "\u0336\u0337\u0338\u0321\u0322" + "hn") == ["username_characters"]
