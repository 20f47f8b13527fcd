"""Keeps secrets and personal data out of the log: by the name of a field, by how a value looks.

Redaction is a net, not a licence: what must not be in a log should not be handed to it. Every
pattern is preceded by a search for something that it needs and that harmless text seldom has: a
path costs half a microsecond. None of them backtracks more than a bounded number of characters.
"""

from __future__ import annotations

import re
from functools import lru_cache

HIDDEN = "********"

_SECRET_NAME = re.compile(
    r"passw|passphrase|^pwd$|secret|token|authorization|cookie|api_?key|access_?key|private_?key"
    r"|signing_?key|encryption_?key|credential|session_?id|session_?key|csrf|xsrf|^jwt$|^otp$|^pin$"
    r"|card_?number|^pan$|^cvv$|^cvc$|^ssn$|^iban$"
)
_HARMLESS_NAMES = frozenset({"token_type", "token_kind", "tokens", "token_count", "cookies_count"})

_SHORTEST = 6
# What a header, a pair, a scheme or a key block is known by, once its case is folded: folding and
# one search take a tenth of what a single search that ignores case does.
_NAMED = re.compile(
    r"pass(?:w|phrase)|pwd|token|key|s(?:ecret|ession|ignature)|c(?:ard|ookie|redential|srf)|authoriz"
    r"|b(?:earer|asic)|digest|(?:cv[vc]|otp|pin|pan|ssn|iban|jwt)\b|akia|aiza|glpat|xox"
)
_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?")
_SCHEME = re.compile(r"\b((?:bearer|basic|digest)\s{1,4})[\w.~+/=-]{8,}", re.IGNORECASE)
# The second half is for passwords that should have been percent-encoded; a port is no password.
_USERINFO = re.compile(
    r"(://)(?:[^\s/?#\"'<>]*|[^\s/?#\"'<>:@\[]*:(?!\d{1,5}(?:[/?#\s]|$))[^\s\"'<>]{0,256})@"
)
_EMAIL = re.compile(r"[\w.%+-]{1,64}@((?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})")
_HEADER = re.compile(
    r"(cookie[\"']?\s{0,4}:\s{0,4}|authorization\s{0,4}:(?!\s{0,4}[\"'])\s{0,4})[^\n]+",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"((?:passw(?:or)?d|passphrase|\bpwd|secret|token|authorization|api[_-]?key|access[_-]?key"
    r"|private[_-]?key|credential|session[_-]?id|csrf|signature|card[_-]?number"
    r"|\b(?:cv[vc]|otp|pin|pan|ssn|iban|jwt)\b)[\w-]{0,20}[\"']?\s{0,4}[=:]\s{0,4})"
    r"(?:\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|(?:(?:bearer|basic|digest)\s{1,4})?[^\s,;&)}\]]+)",
    re.IGNORECASE,
)
# The lines in which PostgreSQL repeats values: those of a row, of a statement, of its input.
_REPEATED = re.compile(r"^([ \t]*(?:DETAIL|CONTEXT|LINE [0-9]+):).*$", re.MULTILINE)
# Keys of services that give theirs a beginning, so that they are found when they are lost.
_SERVICE_KEY = re.compile(
    r"\b(?:[rs]k_(?:live|test)_\w{8,}|gh[oprsu]_\w{20,}|github_pat_\w{20,}|xox[abeprs]-[\w-]{10,}"
    r"|A[KS]IA[A-Z0-9]{16}\b|AIza[\w-]{30,}|glpat-[\w-]{16,})"
)
# As long as the shortest card. It starts with the digits themselves, which are searched for at
# the speed of C, whereas a look behind is tried at every character.
_DIGITS = re.compile(r"[2-6][0-9][0-9 -]{11}")
_CARD = re.compile(r"(?<![\w.-])[2-6][0-9](?:[ -]?[0-9]){11,17}(?![\w-])")


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name is never shown."""
    plain = name.lower().replace("-", "_")
    return plain not in _HARMLESS_NAMES and _SECRET_NAME.search(plain) is not None


def redact(text: str) -> str:
    """Hide what looks like a secret, a card number or an e-mail address in ``text``."""
    if len(text) < _SHORTEST:
        return text
    if "eyJ" in text:
        text = _JWT.sub(HIDDEN, text)
    if "_" in text:
        text = _SERVICE_KEY.sub(HIDDEN, text)
    if (":" in text or " " in text or "=" in text) and _NAMED.search(text.casefold()):
        text = _hide_named(text)
    if "\n" in text and ("DETAIL:" in text or "CONTEXT:" in text or "LINE " in text):
        text = _REPEATED.sub(rf"\1 {HIDDEN}", text)
    if "@" in text:
        text = _EMAIL.sub(rf"{HIDDEN}@\1", _USERINFO.sub(rf"\1{HIDDEN}@", text))
    return _CARD.sub(_hide_card, text) if _DIGITS.search(text) else text


def _hide_named(text: str) -> str:
    text = _SERVICE_KEY.sub(HIDDEN, _KEY_BLOCK.sub(HIDDEN, text))
    for pattern in (_HEADER, _PAIR, _SCHEME):
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text


def _hide_card(match: re.Match[str]) -> str:
    digits = [int(character) for character in reversed(match[0]) if character.isdigit()]
    total = sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return HIDDEN if total % 10 == 0 else match[0]
