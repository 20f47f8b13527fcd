"""Signing keys change while people are logged in, and nobody notices but a thief."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64decode
from collections import Counter
from contextlib import contextmanager
from itertools import count

import people
from system import until

ORDERS = "/api/v1/orders/"
REFRESH = "/api/v1/auth/refresh/"
TRUSTING = ("orders", "payments", "products", "validation")
READERS = 4
SOME = 50
"""So many answers between two steps are load, and no accident."""


def kid_of(token):
    head = token.partition(".")[0]
    return json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]


def published(gateway):
    return {key["kid"] for key in gateway.ask("GET", "/.well-known/jwks.json").json["keys"]}


def keys_of(system):
    """The keys of users and what each does, as the operator sees them."""
    rows = system.manage("users", "quintet_keys", "list").split("\n")
    return dict(row.split() for row in rows if row)


def step(system, *arguments):
    """One step of a rotation, as the runbook has it; nothing secret is printed."""
    done = system.command("manage", "users", "quintet_keys", *arguments, "--write")
    assert "PRIVATE" not in done.stdout + done.stderr
    system.command("restart", "users")


def again(gateway, shopper):
    """The same person with a fresh token."""
    return people.logged_in(gateway, shopper.username, shopper.id)


class Readers:
    """People who never stop looking at their orders, with all the tokens that were ever given."""

    def __init__(self, *readers):
        self.readers, self.statuses, self.turn = list(readers), Counter(), count()
        self.over = threading.Event()

    def read(self):
        while not self.over.is_set():
            reader = self.readers[next(self.turn) % len(self.readers)]
            self.statuses[reader.ask("GET", ORDERS).status] += 1

    def go_on(self):
        """Return when many more have been answered."""
        before = self.statuses.total()
        until(lambda: self.statuses.total() >= before + SOME)


@contextmanager
def reading(*readers):
    made = Readers(*readers)
    threads = [threading.Thread(target=made.read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.over.set()
        for thread in threads:
            thread.join()


def test_a_rotation_under_load_refuses_nobody(system, gateway, shopper):
    old = kid_of(shopper.token)
    steps = [("add",), ("switch",), ("retire", f"--key={old}")]

    with reading(shopper) as readers:
        for arguments in steps:
            step(system, *arguments)
            readers.readers.append(again(gateway, shopper))
            readers.go_on()

    new = kid_of(readers.readers[-1].token)
    assert set(readers.statuses) == {200}
    assert [kid_of(one.token) for one in readers.readers] == [old, old, new, new]
    assert keys_of(system)[new] == "signs"
    assert keys_of(system)[old] == "retired"
    assert published(gateway) >= {old, new}


def test_after_a_leak_old_tokens_are_refused_and_nobody_is_logged_out(system, gateway, shopper):
    given = people.tokens(gateway, shopper.username).json

    step(system, "replace")
    for name in TRUSTING:
        system.command("restart", name)

    fresh = gateway.ask("POST", REFRESH, {"refresh": given["refresh"]})
    assert shopper.ask("GET", ORDERS).status == 401
    assert gateway.ask("GET", ORDERS, token=fresh.json["access"]).status == 200
    assert keys_of(system) == {kid_of(fresh.json["access"]): "signs"}
    assert published(gateway) == keys_of(system).keys()


def test_only_public_halves_are_published(gateway):
    keys = gateway.ask("GET", "/.well-known/jwks.json").json["keys"]

    assert keys
    assert [key for key in keys if "d" in key] == []
