from __future__ import annotations

import pytest

from quintet.auth.compact import TOKEN_BYTES_MAX, Refusal, unpacked


def test_a_well_formed_token_is_taken_apart_and_nothing_is_verified(users):
    token = unpacked(users.token().rsplit(".", 1)[0] + ".AAAA")

    assert (token.kid, token.typ, token.issuer) == (users.keys.kid, "at+jwt", "users")
    assert token.claims["sub"] == "7"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"alg": "none"}, "algorithm"),
        ({"alg": "HS256"}, "algorithm"),
        ({"alg": ["ES256"]}, "algorithm"),
        ({"typ": "JWT"}, "header values"),
        ({"kid": 1}, "header values"),
        ({"jku": "http://evil.example"}, "header members"),
        ({"typ": ...}, "header members"),
    ],
)
def test_the_reason_for_the_log_is_exact(users, changes, reason):
    with pytest.raises(Refusal, match=reason):
        unpacked(users.token(users.header(**changes)))


def test_a_token_that_is_too_long_is_refused_though_it_is_genuine(users):
    fits, too_long = users.user(sid="x"), users.user(sid="x" * TOKEN_BYTES_MAX)

    assert unpacked(fits).claims["sid"] == "x"
    with pytest.raises(Refusal, match="too long"):
        unpacked(too_long)
