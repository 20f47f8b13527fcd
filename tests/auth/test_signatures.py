from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.auth.forging import Issuer, b64, hmac_signed, refused, segment

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256: no half of a signature reaches it."""


def test_another_key_under_the_genuine_key_id_is_refused(users):
    forger = Issuer("users")

    refused(forger.token(forger.header(kid=users.keys.kid)))


def test_a_key_of_one_issuer_does_not_sign_for_another(users, payments):
    refused(payments.token(payments.header(), payments.claims(iss="users")))


@pytest.mark.parametrize("alg", ["HS256", "ES256"])
def test_the_public_key_is_no_shared_secret(users, alg):
    public = users.keys.private.public_key()
    forms = [
        public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        json.dumps(users.jwk).encode(),
        b"",
    ]

    for form in forms:
        refused(hmac_signed(users.header(alg=alg), users.claims(), form))


def test_a_signature_of_another_algorithm_is_refused(users):
    key = rsa.generate_private_key(65537, 2048)
    head, body = segment(users.header()), segment(users.claims())
    signature = key.sign(f"{head}.{body}".encode(), padding.PKCS1v15(), SHA256())

    refused(f"{head}.{body}.{b64(signature)}")


@pytest.mark.parametrize("alg", ["none", "NONE", "nOnE", "ES256"])
def test_a_token_that_nobody_signed_is_refused(users, alg):
    head, body = segment(users.header(alg=alg)), segment(users.claims())

    for signature in ("", "AA", "bm9uZQ"):
        refused(f"{head}.{body}.{signature}")


@pytest.mark.parametrize("raw", [b"", b"\0" * 64, b"\xff" * 64, b"\1" * 63, b"\1" * 65])
def test_a_signature_out_of_thin_air_is_refused(users, raw):
    head, body, _ = users.token().split(".")

    refused(f"{head}.{body}.{b64(raw)}")


@pytest.mark.parametrize("half", [0, 32])
@pytest.mark.parametrize(
    "number", [0, ORDER, 2**256 - 1], ids=["nothing", "the order", "beyond the order"]
)
def test_a_signature_with_a_number_that_no_signature_has_is_refused(users, half, number):
    head, body, _ = users.token().split(".")
    raw = bytearray(users.signature(f"{head}.{body}".encode()))

    raw[half : half + 32] = number.to_bytes(32, "big")

    refused(f"{head}.{body}.{b64(bytes(raw))}")


@pytest.mark.parametrize("raw", [lambda right: right[:-1], lambda right: right + b"\0"])
def test_a_genuine_signature_of_another_length_is_refused(users, raw):
    head, body, _ = users.token().split(".")
    signature = users.signature(f"{head}.{body}".encode())

    refused(f"{head}.{body}.{b64(raw(signature))}")


def test_a_signature_in_der_is_refused(users):
    head, body, _ = users.token().split(".")

    der = users.keys.private.sign(f"{head}.{body}".encode(), ec.ECDSA(SHA256()))

    refused(f"{head}.{body}.{b64(der)}")


def test_every_changed_byte_is_noticed(users):
    token = users.token()

    for position in range(0, len(token), 7):
        other = "A" if token[position] != "A" else "B"
        refused(token[:position] + other + token[position + 1 :])


def test_parts_of_two_genuine_tokens_make_no_third(users):
    first, second = users.user(sub="1").split("."), users.user(sub="2").split(".")

    refused(".".join([first[0], second[1], first[2]]))
