from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from quintet.auth import generate_key
from quintet.auth.keys import KEYS_MAX, decoded, encoded, own_keys, public_keys, thumbprint
from tests.auth.forging import Issuer, changed


def pem_of(key, *, password=None):
    if hasattr(key, "private_bytes"):
        form = serialization.PrivateFormat.PKCS8
        hidden = (
            serialization.BestAvailableEncryption(password)
            if password
            else serialization.NoEncryption()
        )
        return key.private_bytes(serialization.Encoding.PEM, form, hidden).decode()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def test_a_published_key_is_usable(users):
    (kid,) = public_keys(users.document)

    assert kid == users.keys.kid


def test_a_key_needs_neither_use_nor_alg_nor_operations(users):
    plain = changed(users.jwk, {"use": ..., "alg": ...})

    assert public_keys({"keys": [plain]}).keys() == {users.keys.kid}


def test_a_key_for_verifying_is_usable(users):
    assert public_keys({"keys": [users.jwk | {"key_ops": ["verify"]}]})


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"use": "enc"}, id="for encryption"),
        pytest.param({"use": "SIG"}, id="use in upper case"),
        pytest.param({"use": None}, id="null use"),
        pytest.param({"use": ["sig"]}, id="use as a list"),
        pytest.param({"key_ops": ["sign"]}, id="for signing"),
        pytest.param({"key_ops": ["encrypt"]}, id="operations of encryption"),
        pytest.param({"key_ops": ["verify", "deriveKey"]}, id="mixed operations"),
        pytest.param({"key_ops": []}, id="for nothing"),
        pytest.param({"key_ops": "verify"}, id="operations as text"),
        pytest.param({"key_ops": None}, id="null operations"),
        pytest.param({"alg": "ES384"}, id="another algorithm"),
        pytest.param({"alg": "none"}, id="no algorithm"),
        pytest.param({"alg": None}, id="null algorithm"),
        pytest.param({"kty": "oct", "k": "c2VjcmV0"}, id="a shared secret"),
        pytest.param({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, id="an RSA key"),
        pytest.param({"kty": "OKP", "crv": "Ed25519"}, id="an Edwards key"),
        pytest.param({"kty": "ec"}, id="kty in lower case"),
        pytest.param({"kty": ...}, id="no kty"),
        pytest.param({"crv": "P-384"}, id="another curve"),
        pytest.param({"crv": "secp256k1"}, id="a curve of coins"),
        pytest.param({"crv": ...}, id="no curve"),
        pytest.param({"x": ...}, id="half a point"),
        pytest.param({"x": 5}, id="a number as coordinate"),
        pytest.param({"x": ""}, id="an empty coordinate"),
        pytest.param({"x": encoded(b"\0" * 32)}, id="a point off the curve"),
        pytest.param({"x": encoded(b"\xff" * 32)}, id="a coordinate beyond the field"),
        pytest.param({"x": encoded(b"\1" * 31)}, id="a short coordinate"),
        pytest.param({"x": encoded(b"\1" * 33)}, id="a long coordinate"),
        pytest.param({"d": encoded(b"\1" * 32)}, id="a private key"),
        pytest.param({"kid": ...}, id="no kid"),
        pytest.param({"kid": ""}, id="empty kid"),
        pytest.param({"kid": 7}, id="a number as kid"),
        pytest.param({"kid": "a b"}, id="a space in the kid"),
        pytest.param({"kid": "k" * 129}, id="a long kid"),
    ],
)
def test_a_key_that_is_not_plainly_meant_for_verifying_is_left_out(users, payments, changes):
    spoiled = changed(users.jwk, changes)

    assert public_keys({"keys": [spoiled, payments.jwk]}).keys() == {payments.keys.kid}


def test_a_padded_coordinate_is_refused(users):
    assert public_keys({"keys": [users.jwk | {"x": users.jwk["x"] + "="}]}) == {}


def test_a_key_id_that_stands_twice_names_no_key(users, payments):
    twin = payments.jwk | {"kid": users.keys.kid}

    assert public_keys({"keys": [users.jwk, twin, payments.jwk]}).keys() == {payments.keys.kid}


@pytest.mark.parametrize(
    "document", [None, [], "keys", {}, {"keys": None}, {"keys": {}}, {"keys": [None, 1, "k", []]}]
)
def test_a_document_without_keys_has_none(document):
    assert public_keys(document) == {}


def test_no_more_keys_are_read_than_an_issuer_could_need(users):
    assert public_keys({"keys": [{}] * KEYS_MAX + [users.jwk]}) == {}


@pytest.mark.parametrize(
    "segment", ["YQ=", "YQ==", "YR", "Y", "YQ\n", " YQ", "Y+", "Y/", "é", "Y.Q"]
)
def test_base64url_has_one_spelling(segment):
    with pytest.raises(ValueError, match="base64url"):
        decoded(segment)


@pytest.mark.parametrize("raw", [b"", b"a", b"ab", b"abc", bytes(range(256))])
def test_what_was_encoded_is_decoded(raw):
    assert decoded(encoded(raw)) == raw


def test_the_thumbprint_follows_the_standard():
    """The members and the digest of a P-256 key, computed with another library (RFC 7638)."""
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    }

    assert thumbprint(jwk) == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"


def test_the_first_key_signs_and_all_are_published():
    first, second = Issuer("a"), Issuer("b")

    keys = own_keys(first.pem + second.pem)

    assert keys.kid == first.keys.kid
    assert [key["kid"] for key in keys.published] == [first.keys.kid, second.keys.kid]


def test_a_key_that_signs_no_longer_may_be_given_as_public():
    first, retired = Issuer("a"), Issuer("b")

    keys = own_keys(first.pem + pem_of(retired.keys.private.public_key()))

    assert [key["kid"] for key in keys.published] == [first.keys.kid, retired.keys.kid]


def test_nothing_private_is_published(users):
    assert all("d" not in key for key in users.keys.published)


def test_line_ends_may_be_written_as_they_are_in_many_environment_files():
    pem = generate_key()

    assert own_keys(pem.replace("\n", "\\n")).kid == own_keys(pem).kid


@pytest.mark.parametrize("empty", ["", "  \n"])
def test_no_keys_are_none(empty):
    assert own_keys(empty) is None


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        pytest.param("secret", "no PEM block", id="no PEM"),
        pytest.param(
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "no readable", id="junk"
        ),
        pytest.param(
            pem_of(ec.generate_private_key(ec.SECP256R1()), password=b"x"), "readable", id="locked"
        ),
        pytest.param(
            pem_of(rsa.generate_private_key(65537, 2048)), "P-256 keys only", id="an RSA key"
        ),
        pytest.param(pem_of(ed25519.Ed25519PrivateKey.generate()), "P-256", id="an Edwards key"),
        pytest.param(pem_of(ec.generate_private_key(ec.SECP384R1())), "P-256", id="another curve"),
        pytest.param(
            pem_of(ec.generate_private_key(ec.SECP256R1()).public_key()), "first", id="public first"
        ),
    ],
)
def test_keys_that_cannot_sign_are_refused_with_a_remedy(pem, words):
    with pytest.raises(ValueError, match=words) as raised:
        own_keys(pem)

    assert "AUTH_SIGNING_KEYS" in str(raised.value)
    assert "PRIVATE" not in str(raised.value)


def test_a_key_that_is_given_twice_is_published_once_and_still_verifies(users):
    keys = own_keys(users.pem + pem_of(users.keys.private.public_key()))

    assert len(keys.published) == 1
    assert keys.kid in keys.verifying
