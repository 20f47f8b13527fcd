from __future__ import annotations

import itertools
import json
import random
import time

import pytest

from quintet import auth
from quintet.auth import Principal
from quintet.errors import UnavailableException
from tests.auth.forging import Issuer, refused

NOW = int(time.time())


def test_a_users_token_says_which_user_asks(users):
    principal = auth.verify(users.user(sub="42", roles=["staff", "tester"]))

    roles = frozenset({"staff", "tester"})
    assert principal == Principal(kind="user", subject="42", user_id=42, roles=roles)
    assert (principal.is_authenticated, principal.is_staff, principal.pk) == (True, True, "42")


def test_a_token_without_roles_has_none(users):
    assert auth.verify(users.user(roles=...)).roles == frozenset()


def test_a_services_token_says_which_service_asks(payments):
    principal = auth.verify(payments.service("orders"))

    assert principal == Principal(kind="service", subject="payments", service="payments")
    assert (principal.is_authenticated, principal.is_staff) == (True, False)
    assert principal.pk == "service:payments"


def test_the_issuer_of_users_may_also_speak_as_a_service(users):
    assert auth.verify(users.service("orders")).service == "users"


def test_a_service_is_never_staff_whatever_its_token_says(payments):
    assert not auth.verify(payments.service("orders", roles=["staff"])).is_staff


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iss": "mallory"}, id="an issuer nobody trusts"),
        pytest.param({"iss": "payments"}, id="another issuer's key"),
        pytest.param({"iss": "orders"}, id="this service itself"),
        pytest.param({"iss": ""}, id="no issuer"),
        pytest.param({"iss": ["users"]}, id="a list of issuers"),
        pytest.param({"iss": {"users": 1}}, id="an object as issuer"),
        pytest.param({"aud": "orders"}, id="a service's audience"),
        pytest.param({"aud": "other"}, id="another audience"),
        pytest.param({"aud": ["quintet"]}, id="a list of audiences"),
        pytest.param({"aud": None}, id="null audience"),
        pytest.param({"exp": NOW - 31}, id="expired"),
        pytest.param({"exp": 0}, id="expired in 1970"),
        pytest.param({"exp": str(NOW + 60)}, id="expiry as text"),
        pytest.param({"exp": NOW + 60.5}, id="expiry as a fraction"),
        pytest.param({"exp": True}, id="expiry as truth"),
        pytest.param({"exp": None}, id="null expiry"),
        pytest.param({"exp": 2**64}, id="expiry beyond all time"),
        pytest.param({"exp": -1}, id="negative expiry"),
        pytest.param({"nbf": NOW + 3600}, id="not yet valid"),
        pytest.param({"iat": NOW + 3600}, id="issued in the future"),
        pytest.param({"iat": "now"}, id="issued now"),
        pytest.param({"nbf": "now"}, id="valid from now"),
        pytest.param({"nbf": False}, id="validity as falsehood"),
        pytest.param({"iat": NOW + 20, "nbf": NOW, "exp": NOW + 10}, id="over before it began"),
        pytest.param({"iat": 0, "nbf": 0}, id="issued in 1970"),
        pytest.param({"exp": NOW + 10 * 365 * 86_400}, id="valid for ten years"),
        pytest.param({"iss": "\ud800"}, id="half a character as issuer"),
        pytest.param({"jti": 1}, id="a number for an id"),
        pytest.param({"jti": ""}, id="no text for an id"),
        pytest.param({"sub": "0"}, id="user 0"),
        pytest.param({"sub": "-7"}, id="a negative user"),
        pytest.param({"sub": "07"}, id="a leading zero"),
        pytest.param({"sub": "\u0667"}, id="another digit seven"),
        pytest.param({"sub": "7\n"}, id="a line after the user"),
        pytest.param({"sub": "7" * 19}, id="a user beyond any table"),
        pytest.param({"sub": "admin"}, id="a name for a user"),
        pytest.param({"sub": 7}, id="a number for a user"),
        pytest.param({"roles": "staff"}, id="roles as text"),
        pytest.param({"roles": [1]}, id="a number as role"),
        pytest.param({"roles": {"staff": 1}}, id="roles as an object"),
        *(
            pytest.param({name: ...}, id=f"no {name}")
            for name in ("iss", "sub", "aud", "exp", "iat", "nbf", "jti")
        ),
    ],
)
def test_a_users_token_with_a_wrong_claim_is_refused(users, changes):
    refused(users.user(**changes))


def test_a_small_difference_of_clocks_is_forgiven(users):
    now = int(time.time())
    tokens = [
        users.user(exp=now - 20, iat=now - 80, nbf=now - 80),
        users.user(nbf=now + 20, iat=now + 20),
    ]

    assert [auth.verify(token).user_id for token in tokens] == [7, 7]


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_large_difference_of_clocks_is_not(users, claim):
    refused(users.user(**{claim: int(time.time()) + 40}))


def test_an_expired_token_is_refused_with_words_of_its_own(users):
    assert refused(users.user(exp=NOW - 100)) == "The token has expired."


def test_the_reason_of_any_other_refusal_is_not_told(users):
    answers = {refused(users.user(aud="other")), refused("x.y.z"), refused(users.user(sub="root"))}

    assert answers == {"The token is not valid."}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": "products"}, id="for another service"),
        pytest.param({"aud": "quintet"}, id="the users' audience"),
        pytest.param({"sub": "users"}, id="in the name of another service"),
        pytest.param({"sub": "7"}, id="in the name of a user"),
        pytest.param({"iss": "users", "sub": "users"}, id="another service's issuer"),
        pytest.param({"exp": NOW - 31}, id="expired"),
        pytest.param({"exp": NOW + 3600}, id="valid for an hour"),
        pytest.param({"aud": ["orders"]}, id="a list of audiences"),
    ],
)
def test_a_services_token_with_a_wrong_claim_is_refused(payments, changes):
    refused(payments.service(**{"audience": "orders"} | changes_as_arguments(changes)))


def changes_as_arguments(changes):
    return {"audience" if name == "aud" else name: value for name, value in changes.items()}


def test_a_users_token_is_no_services_token(users):
    refused(users.token(users.header(typ="service+jwt")))


def test_a_services_token_is_no_users_token(users):
    refused(users.token(claims=users.claims(sub="users", aud="orders")))


def test_a_service_that_is_not_the_issuer_of_users_cannot_make_one(payments):
    refused(payments.user(sub="1", roles=["staff"]))


@pytest.mark.parametrize(
    "changes",
    [
        *(
            pytest.param({"alg": "".join(letters)}, id=f"alg {''.join(letters)}")
            for letters in itertools.product("nN", "oO", "nN", "eE")
        ),
        pytest.param({"alg": ""}, id="alg empty"),
        pytest.param({"alg": "ES256K"}, id="alg ES256K"),
        pytest.param({"alg": "PS256"}, id="alg PS256"),
        pytest.param({"alg": "EdDSA"}, id="alg EdDSA"),
        pytest.param({"alg": "HS256"}, id="alg HS256"),
        pytest.param({"alg": "RS256"}, id="alg RS256"),
        pytest.param({"alg": "ES384"}, id="alg ES384"),
        pytest.param({"alg": "es256"}, id="alg in lower case"),
        pytest.param({"alg": ["ES256"]}, id="alg as a list"),
        pytest.param({"alg": ...}, id="no alg"),
        pytest.param({"typ": "JWT"}, id="typ JWT"),
        pytest.param({"typ": "application/at+jwt"}, id="typ with its tree"),
        pytest.param({"typ": "AT+JWT"}, id="typ in upper case"),
        pytest.param({"typ": ["at+jwt"]}, id="typ as a list"),
        pytest.param({"typ": {}}, id="typ as an object"),
        pytest.param({"typ": ...}, id="no typ"),
        pytest.param({"kid": ...}, id="no kid"),
        pytest.param({"kid": None}, id="null kid"),
        pytest.param({"kid": 0}, id="number as kid"),
        pytest.param({"kid": ""}, id="empty kid"),
        pytest.param({"kid": "../../dev/null"}, id="path as kid"),
        pytest.param({"kid": "' OR 1=1 --"}, id="SQL as kid"),
        pytest.param({"kid": "http://127.0.0.1:1/jwks"}, id="URL as kid"),
        pytest.param({"kid": "\ud800"}, id="half a character as kid"),
        pytest.param({"kid": "unknown"}, id="unknown kid"),
        pytest.param({"crit": ["exp"]}, id="crit"),
        pytest.param({"crit": ["b64"], "b64": False}, id="unencoded payload"),
        pytest.param({"zip": "DEF"}, id="zip"),
        pytest.param({"cty": "JWT"}, id="nested"),
    ],
)
def test_a_wrong_header_is_refused_though_the_signature_is_right(users, changes):
    refused(users.token(users.header(**changes)))


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_that_the_token_brings_along_is_never_used(member, source):
    forger = Issuer("users")
    brought = {"jwk": forger.jwk, "x5c": [forger.pem]}.get(member, "http://127.0.0.1:1/jwks")
    genuine_kid = source.documents["users"]["keys"][0]["kid"]

    for kid in (forger.keys.kid, genuine_kid):
        refused(forger.token(forger.header(kid=kid, **{member: brought})))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda t: "", id="nothing"),
        pytest.param(lambda t: "..", id="only dots"),
        pytest.param(lambda t: t.rsplit(".", 1)[0] + ".", id="no signature"),
        pytest.param(lambda t: t.rsplit(".", 1)[0], id="two segments"),
        pytest.param(lambda t: t.replace(".", "..", 1), id="a dot twice"),
        pytest.param(lambda t: "." + t, id="a dot before"),
        pytest.param(lambda t: t + ".", id="a dot after"),
        pytest.param(lambda t: t + ".e30", id="four segments"),
        pytest.param(lambda t: t + "..", id="encrypted form"),
        pytest.param(lambda t: t + "=", id="padded signature"),
        pytest.param(lambda t: t + "==", id="padded twice"),
        pytest.param(lambda t: t.replace(".", "=.", 1), id="padded header"),
        pytest.param(lambda t: " " + t, id="a space before"),
        pytest.param(lambda t: t + "\n", id="a line end after"),
        pytest.param(lambda t: t + "\0", id="a null after"),
        pytest.param(lambda t: t[:20] + "\n" + t[20:], id="a line end within"),
        pytest.param(lambda t: t[:20] + "!" + t[20:], id="a foreign character"),
        pytest.param(lambda t: t[:20] + "é" + t[20:], id="a letter outside ASCII"),
        pytest.param(lambda t: f'{{"token":"{t}"}}', id="the JSON form"),
        pytest.param(lambda t: t[:-1] + chr(ord(t[-1]) + 1), id="stray bits"),
        pytest.param(lambda t: t + "A" * 5000, id="too long"),
    ],
)
def test_a_malformed_token_is_refused(users, spoil):
    refused(spoil(users.token()))


def test_the_same_bytes_in_another_spelling_are_refused(users):
    token = next(t for t in iter(users.token, None) if {"-", "_"} & set(t.rsplit(".", 1)[1]))

    refused(token.replace("-", "+").replace("_", "/"))


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b'{"iss":NaN}', id="not a number"),
        pytest.param(b'{"exp":1e999}', id="infinity"),
        pytest.param(b"\xff\xfe{}", id="not UTF-8"),
        pytest.param(b"[" * 2900, id="nested too deep"),
        pytest.param(b'{"a":' + b"1" * 2900 + b"}", id="a number too long"),
    ],
)
def test_a_part_that_is_no_plain_json_object_is_refused(users, part):
    refused(users.token(header=part))
    refused(users.token(claims=part))


def test_a_member_that_stands_twice_is_refused(users):
    claims = json.dumps(users.claims())

    refused(users.token(claims=claims.replace('"sub"', '"sub": "1", "sub"', 1).encode()))


def test_a_member_that_stands_twice_in_two_spellings_is_refused(users):
    claims = json.dumps(users.claims())

    refused(users.token(claims=claims.replace('"sub"', '"s\\u0075b": "1", "sub"', 1).encode()))


def test_a_header_member_that_stands_twice_is_refused(users):
    header = json.dumps(users.header())

    refused(users.token(header=header.replace('"alg"', '"alg": "none", "alg"', 1).encode()))


@pytest.mark.parametrize(
    "exp", ["NaN", "Infinity", "1e10", "9999999999.0", "-1", '"9999999999"', "true", "[1]", "{}"]
)
def test_an_instant_in_another_spelling_is_refused(users, exp):
    claims = json.dumps(users.claims(exp=...))

    refused(users.token(claims=f'{claims[:-1]}, "exp": {exp}}}'.encode()))


@pytest.mark.parametrize("depth", range(940, 970))
def test_claims_nested_to_the_end_of_the_stack_are_refused_like_any_others(users, depth):
    claims = json.dumps(users.claims())

    refused(users.token(claims=f'{claims[:-1]}, "x": {"[" * depth}{"]" * depth}}}'.encode()))


def test_keys_that_cannot_be_had_are_not_the_callers_fault(users):
    class Down:
        def fetch(self, issuer):
            raise UnavailableException("users cannot be reached.")

    with auth.use_key_source(Down()), pytest.raises(UnavailableException):
        auth.verify(users.user())


def test_random_bytes_are_refused_and_nothing_else_happens(users):

    chance = random.Random(7)  # noqa: S311 - the same spoiled tokens every time
    token = users.token()
    for _ in range(300):
        spoiled = bytearray(token.encode())
        for _ in range(chance.randint(1, 5)):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        text = spoiled.decode("latin-1")
        assert text == token or refused(text)
