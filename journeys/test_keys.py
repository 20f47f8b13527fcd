"""Signing keys change while people are logged in, and nobody notices."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import urlsafe_b64decode

import people

NEW_KEY = "from quintet.auth import generate_key; print(generate_key())"


def kid_of(token):
    head = token.partition(".")[0]
    return json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]


def published(gateway):
    return {key["kid"] for key in gateway.ask("GET", "/.well-known/jwks.json").json["keys"]}


def rotate(system):
    """Put a new key before the old one, as the reference describes it."""
    file = system.state / "keys" / "users.pem"
    made = subprocess.run(
        [sys.executable, "-c", NEW_KEY], capture_output=True, text=True, check=True
    )
    file.write_text(made.stdout + file.read_text())
    system.command("restart", "users")


def test_tokens_of_the_old_key_and_of_the_new_one_are_both_good(system, gateway, shopper):
    rotate(system)
    fresh = people.logged_in(gateway, shopper.username, shopper.id)

    assert kid_of(fresh.token) != kid_of(shopper.token)
    assert published(gateway) >= {kid_of(fresh.token), kid_of(shopper.token)}
    assert shopper.ask("GET", "/api/v1/orders/").status == 200
    assert fresh.ask("GET", "/api/v1/orders/").status == 200


def test_only_public_halves_are_published(gateway):
    keys = gateway.ask("GET", "/.well-known/jwks.json").json["keys"]

    assert keys
    assert [key for key in keys if "d" in key] == []
