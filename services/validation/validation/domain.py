"""The rules, their weights and the verdict: pure functions of the two strings in question.

Scripts are judged as in Unicode Technical Standard 39, level "highly restrictive": one script, or
Latin together with the scripts that Chinese, Japanese and Korean are written in.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

if TYPE_CHECKING:
    from collections.abc import Iterator

MINIMUM_SCORE: Final = 0.5
LONGEST_EMAIL: Final = 254
LONGEST_LOCAL_PART: Final = 64
SHORTEST_USERNAME: Final = 3
LONGEST_USERNAME: Final = 64

WEIGHTS: Final = {
    "email_too_long": 1.0,
    "email_syntax": 1.0,
    "email_mixed_script": 0.6,
    "email_disposable": 0.6,
    "email_role_account": 0.3,
    "username_too_short": 1.0,
    "username_too_long": 1.0,
    "username_characters": 1.0,
    "username_reserved": 1.0,
    "username_mixed_script": 0.6,
    "username_confusable": 0.3,
}
DISPOSABLE_DOMAINS: Final = frozenset({
    "10minutemail.com", "dispostable.com", "getnada.com", "guerrillamail.com", "mailinator.com",
    "maildrop.cc", "mailnesia.com", "sharklasers.com", "temp-mail.org", "tempmail.com",
    "throwawaymail.com", "trashmail.com", "yopmail.com",
})  # fmt: skip
ROLE_ACCOUNTS: Final = frozenset({
    "abuse", "admin", "administrator", "billing", "contact", "help", "hostmaster", "info",
    "mailer-daemon", "no-reply", "noreply", "postmaster", "root", "sales", "security", "support",
    "webmaster",
})  # fmt: skip
RESERVED_NAMES: Final = frozenset({
    "abuse", "admin", "administrator", "anonymous", "api", "billing", "daemon", "help", "login",
    "logout", "moderator", "nobody", "null", "official", "operator", "owner", "postmaster", "root",
    "security", "service", "staff", "superuser", "support", "sysadmin", "system", "undefined",
    "webmaster",
})  # fmt: skip
TWINS: Final = str.maketrans(  # Cyrillic, then Greek
    "авсԁеһіјкӏмнорԛѕтухѵѡԝαβγεηικνορτυχω",
    "abcdehijklmhopqstyxvwwabyenikvoptuxw",
)
DIGIT_TWINS: Final = (str.maketrans("013457", "oieast"), str.maketrans("013457", "oleast"))
TOGETHER: Final = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
ADDRESS: Final = EmailValidator()
# Letters and marks that draw nothing; all others without a shape are neither letter nor mark.
INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
MARKS_IN_A_ROW: Final = 4
SEPARATORS: Final = re.compile(r"[._-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Something that speaks against a field; its code is stable, its message is for people."""

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the rules found, and whether it is good enough."""

    valid: bool
    score: float
    reasons: tuple[Reason, ...]


def judge(username: str, email: str) -> Verdict:
    """Weigh everything that speaks against the name and the address."""
    reasons = (*username_reasons(username), *email_reasons(email))
    score = round(max(0.0, 1.0 - sum(WEIGHTS[reason.code] for reason in reasons)), 2)
    return Verdict(valid=score >= MINIMUM_SCORE, score=score, reasons=reasons)


def email_reasons(email: str) -> Iterator[Reason]:
    """Say what speaks against an address; a string that is none gets one reason only."""
    local, _, domain = email.rpartition("@")
    if len(email) > LONGEST_EMAIL or len(local) > LONGEST_LOCAL_PART:
        yield _email(
            "too_long",
            f"The address has more than {LONGEST_EMAIL} characters, "
            f"or more than {LONGEST_LOCAL_PART} before the @.",
        )
        return
    if not is_address(email):
        yield _email("syntax", "This is not an e-mail address.")
        return
    if any(mixes_scripts(part) for part in (local, *domain.split("."))):
        yield _email("mixed_script", "The address mixes letters of different scripts.")
    if is_disposable(domain):
        yield _email("disposable", "The domain hands out throw-away mailboxes.")
    if local.lower().partition("+")[0] in ROLE_ACCOUNTS:
        yield _email("role_account", "The address belongs to a function and not to a person.")


def username_reasons(username: str) -> Iterator[Reason]:
    """Say what speaks against a name."""
    if len(username) < SHORTEST_USERNAME:
        yield _name("too_short", f"A name has at least {SHORTEST_USERNAME} characters.")
    if len(username) > LONGEST_USERNAME:
        yield _name("too_long", f"A name has at most {LONGEST_USERNAME} characters.")
        return
    if not is_name(username):
        yield _name(
            "characters",
            "A name is made of letters and digits, with single dots, "
            "underscores or hyphens between them.",
        )
    if looks_reserved(username):
        yield _name("reserved", "This name speaks for the system.")
    if mixes_scripts(username):
        yield _name("mixed_script", "The name mixes letters of different scripts.")
    elif is_confusable(username):
        yield _name("confusable", "Every letter of the name has a Latin twin.")


def is_address(email: str) -> bool:
    """Tell whether the string has the form of an address."""
    try:
        ADDRESS(email)
    except ValidationError:
        return False
    return True


def is_disposable(domain: str) -> bool:
    """Tell whether the domain, or one above it, hands out throw-away mailboxes."""
    labels = domain.lower().split(".")
    return any(".".join(labels[start:]) in DISPOSABLE_DOMAINS for start in range(len(labels)))


def is_name(username: str) -> bool:
    """Tell whether the string is letters and digits in normal form, with single separators inside.

    Marks count as letters, since many scripts write their vowels with them; but none that nobody
    sees, since a name with it looks like another one, and no tower of them.
    """
    if INVISIBLE.search(username) or has_tower(username):
        return False
    return unicodedata.is_normalized("NFKC", username) and all(
        part[:1].isalnum() and all(unicodedata.category(letter)[0] in "LMN" for letter in part)
        for part in SEPARATORS.split(username)
    )


def has_tower(string: str) -> bool:
    """Tell whether more marks stand on one letter than any language puts there."""
    height = 0
    for letter in string:
        height = height + 1 if unicodedata.category(letter) == "Mn" else 0
        if height > MARKS_IN_A_ROW:
            return True
    return False


def looks_reserved(username: str) -> bool:
    """Compare with the reserved words what a reader sees: ``Adm1n`` is ``admin``."""
    seen = SEPARATORS.sub("", skeleton(username))
    return any(seen.translate(twins) in RESERVED_NAMES for twins in ({}, *DIGIT_TWINS))


def skeleton(string: str) -> str:
    """Replace look-alikes of Latin letters by the letters that they look like."""
    return unicodedata.normalize("NFKC", string).casefold().translate(TWINS)


def scripts(string: str) -> frozenset[str]:
    """Name the scripts of all letters."""
    return frozenset(
        unicodedata.name(letter, "UNKNOWN").split(" ")[0].split("-")[0]
        for letter in string
        if letter.isalpha()
    )


def mixes_scripts(string: str) -> bool:
    """Tell whether letters stand together that no writing system puts together."""
    found = scripts(string)
    return len(found) > 1 and not any(found <= together for together in TOGETHER)


def is_confusable(string: str) -> bool:
    """Tell whether a name in one foreign script can be read as a Latin one, letter by letter."""
    if "LATIN" in scripts(string):
        return False
    letters = [letter for letter in string if letter.isalpha()]
    return bool(letters) and scripts(skeleton("".join(letters))) == {"LATIN"}


def _email(code: str, message: str) -> Reason:
    return Reason(field="email", code=f"email_{code}", message=message)


def _name(code: str, message: str) -> Reason:
    return Reason(field="username", code=f"username_{code}", message=message)
