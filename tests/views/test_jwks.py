from __future__ import annotations

from quintet.auth import generate_key


def test_the_public_keys_are_published_and_nothing_private(client, declare):
    declare(AUTH_SIGNING_KEYS=generate_key())

    response = client.get("/.well-known/jwks.json")

    (key,) = response.json()["keys"]
    assert key["kty"] == "EC"
    assert "d" not in key
    assert response["Content-Type"] == "application/jwk-set+json"
    assert response["Cache-Control"] == "public, max-age=300"


def test_a_service_without_a_key_publishes_an_empty_set(client, declare):
    declare(AUTH_SIGNING_KEYS="")

    assert client.get("/.well-known/jwks.json").json() == {"keys": []}
