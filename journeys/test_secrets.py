"""Secrets are planted wherever a request can carry one; nothing that is written repeats them.

Every request that carries one has a number that is no secret: it has to be found where the secret
must not be, so that looking in the wrong place cannot pass for silence.
"""

from __future__ import annotations

import base64
import json
import random
import uuid
from contextlib import contextmanager

import haystack
import people
import psycopg
import pytest
from system import SERVICES, until

USERS = "/api/v1/users/"
LOGIN = "/api/v1/auth/token/"
REFRESH = "/api/v1/auth/refresh/"
PRODUCTS = "/api/v1/products/"
ORDERS = "/api/v1/orders/"
GATEWAY = "gateway"
REPEATED = 300
"""As often a secret makes a header longer than a service reads."""


class Planter:
    """Sends requests with secrets in them, and remembers which, under which numbers."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.secrets, self.crossed, self.answers, self.shown = {}, {}, {}, {}

    def secret(self, name, value=""):
        """A word that nobody else says; the name tells where it was hidden."""
        made = value or f"canary{uuid.uuid4().hex}"
        self.secrets[name] = made
        return made

    def send(self, status, method, target, body=None, *, seen_by, **headers):
        """Send a request under a number of its own, which those named have to tell of."""
        number = f"marker-{uuid.uuid4().hex}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if method == "POST":
            named["Idempotency-Key"] = self.secret("idempotency key", str(uuid.uuid4()))
        answer = self.gateway.ask(
            method, target, body, headers={**named, "X-Correlation-ID": number}
        )
        assert answer.status == status, (method, target[:80], answer.status, answer.body)
        self.crossed[number] = {GATEWAY, *seen_by}
        self.answers[number] = answer
        return answer

    @property
    def refusals(self):
        """What was answered to those who were refused, headers and all."""
        refused = [answer for answer in self.answers.values() if answer.status >= 400]
        return [json.dumps(dict(answer.headers)).encode() + answer.body for answer in refused]


def card():
    """The number of a card that does not exist, with the right check digit."""
    digits = "4539" + "".join(random.choices("0123456789", k=11))  # noqa: S311 - not a real card
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(digits)]
    return digits + str(-sum(sum(divmod(value, 10)) for value in doubled) % 10)


def token():
    """A JSON web token by its looks."""
    parts = [{"alg": "ES256", "kid": uuid.uuid4().hex}, {"sub": "7", "jti": uuid.uuid4().hex}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts]
    return ".".join([*(part.rstrip("=") for part in encoded), f"canary{uuid.uuid4().hex}"])


def plant_passwords(planter):
    """Somebody registers, mistypes, logs in, and comes back with the wrong token."""
    form = {**people.somebody(), "password": planter.secret("password of an account")}
    planter.send(201, "POST", USERS, form, seen_by={"users", "validation"})
    wrong = {"username": form["username"], "password": planter.secret("wrong password")}
    planter.send(401, "POST", LOGIN, wrong, seen_by={"users"})
    right = {"username": form["username"], "password": form["password"]}
    tokens = planter.send(200, "POST", LOGIN, right, seen_by={"users"}).json
    planter.secret("token of a login", tokens["access"])
    planter.secret("refresh token of a login", tokens["refresh"])
    body = {"refresh": planter.secret("wrong refresh token")}
    planter.send(401, "POST", REFRESH, body, seen_by={"users"})
    return tokens["access"]


def plant_headers(planter):
    """Credentials of all schemes, cookies and keys, on requests that are refused."""
    secret, headers = planter.secret, {}
    headers["bearer token"] = {"Authorization": f"Bearer {secret('bearer token')}"}
    headers["bearer JWT"] = {"Authorization": f"Bearer {secret('bearer JWT', token())}"}
    headers["Negotiate"] = {"Authorization": f"Negotiate {secret('Negotiate')}"}
    headers["Amazon"] = {"Authorization": f"AWS4-HMAC-SHA256 Signature={secret('Amazon')}"}
    basic = base64.b64encode(f"shopper:{secret('Basic password')}".encode()).decode()
    headers["Basic"] = {"Authorization": f"Basic {secret('Basic', basic)}"}
    headers["cookie"] = {"Cookie": f"theme=dark; sessionid={secret('cookie')}"}
    headers["API key"] = {"X_Api_Key": secret("API key")}
    for header in headers.values():
        planter.send(401, "GET", ORDERS, seen_by={"orders"}, **header)


def plant_queries(planter):
    """Parameters of a request that is answered, of one that is refused, and of no address."""
    query = f"?token={planter.secret('parameter')}&password={planter.secret('second parameter')}"
    planter.send(400, "GET", f"{PRODUCTS}{query}", seen_by={"products"})
    planter.send(400, "GET", f"{PRODUCTS}999999999/{query}", seen_by={"products"})
    planter.send(404, "GET", f"/nowhere{query}", seen_by=set())
    planter.send(404, "GET", f"/metrics{query}", seen_by=set())


def plant_paths(planter):
    """What is a secret by its looks, in the place of a number."""
    paths = {
        "JWT in a path": token(),
        "key of a service in a path": f"sk_live_{uuid.uuid4().hex}",
        "card in a path": card(),
        "address in a path": f"canary.{uuid.uuid4().hex}@example.com",
    }
    for name, value in paths.items():
        segment = planter.secret(name, value)
        planter.send(404, "GET", f"{PRODUCTS}{segment}/", seen_by={"products"})
        planter.send(404, "GET", f"/nowhere/{segment}", seen_by=set())


def plant_bodies(planter, access):
    """Bodies that are refused: for another field, for an unknown one, for being no JSON."""
    bearer = {"Authorization": f"Bearer {access}"}
    form = {**people.somebody(), "email": "none", "password": planter.secret("refused password")}
    planter.send(400, "POST", USERS, form, seen_by={"users"})
    form = {"username": {"password": planter.secret("password at depth")}, "password": 7}
    planter.send(400, "POST", LOGIN, form, seen_by={"users"})
    body = {"lines": [], "payment_method": planter.secret("card in a body", card())}
    planter.send(400, "POST", ORDERS, body, seen_by={"orders"}, **bearer)
    body = {"lines": [], "card": {"secret": planter.secret("unknown field")}}
    planter.send(400, "POST", ORDERS, body, seen_by={"orders"}, **bearer)
    broken = b'{"password": "%s"' % planter.secret("half a body").encode()
    planter.send(400, "POST", LOGIN, broken, seen_by={"users"})
    form = f"username=a&password={planter.secret('form')}".encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    planter.send(415, "POST", LOGIN, form, seen_by={"users"}, **kind)


def plant_nonsense(planter):
    """What the server of a service refuses, and what Go does before there is a request."""
    long = f"Bearer {planter.secret('too long') * REPEATED}"
    planter.send(431, "GET", ORDERS, seen_by={"orders"}, Authorization=long)
    broken = planter.gateway.raw(
        f"GET {ORDERS} HTTP/1.1\nHost: localhost\nConnection: close\n"
        f"Authorization Bearer {planter.secret('broken header')}"
    )
    assert broken.status == 400
    planter.answers["broken header"] = broken


@contextmanager
def broken_table(system):
    """Take the table of the users away, so that the service meets what nobody expected."""
    url = system.environment_of("users")["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("ALTER TABLE users_user RENAME TO users_elsewhere")
        try:
            yield
        finally:
            database.execute("ALTER TABLE users_elsewhere RENAME TO users_user")


def plant_failures(planter, system, access, product):
    """Secrets of requests that fail: with a traceback, and because a service was killed."""
    query = f"?token={planter.secret('parameter of a failure')}"
    cookie = {"Cookie": f"sessionid={planter.secret('cookie of a failure')}"}
    form = {"username": "a.shopper", "password": planter.secret("password of a failure")}
    bearer = {"Authorization": f"Bearer {access}"}
    order = {"lines": [{"product_id": product, "quantity": 1}], "payment_method": "card-ok"}
    with broken_table(system):
        planter.send(500, "POST", LOGIN + query, form, seen_by={"users"}, **cookie)
        form = {**people.somebody(), "password": planter.secret("password of a failed account")}
        planter.send(500, "POST", USERS, form, seen_by={"users"}, **cookie)
    with system.dead("payments"):
        seen = {"orders", "users", "products"}
        planter.send(503, "POST", ORDERS, order, seen_by=seen, **cookie, **bearer)
    with system.dead("users"):
        planter.send(502, "POST", LOGIN + query, form, seen_by=set(), **cookie)
    system.manage("orders", "resume_orders", "--age-seconds=0")


@pytest.fixture(scope="module")
def planted(system, gateway, operator):
    """Everything was planted, and those who tell of the requests have done so."""
    planter = Planter(gateway)
    access = plant_passwords(planter)
    plant_headers(planter)
    plant_queries(planter)
    plant_paths(planter)
    plant_bodies(planter, access)
    plant_nonsense(planter)
    planter.shown = haystack.shown(system)  # a killed service begins to count anew
    plant_failures(planter, system, access, operator.stocked(5))
    until(
        lambda: all(
            crossed <= told_of(system, number) for number, crossed in planter.crossed.items()
        )
    )
    return planter


def told_of(system, number):
    """Who has written about a request."""
    return set(system.lines(number))


def found(planter, places):
    """Which secrets are where."""
    return [
        (place, name)
        for place, text in places.items()
        for name, secret in planter.secrets.items()
        if secret.encode() in text
    ]


def unheard_of(planter, text):
    """Which requests are not told of."""
    return [number for number in planter.crossed if number.encode() not in text]


def test_each_request_with_a_secret_is_told_of_by_all_that_it_crossed(system, planted):
    assert len(planted.crossed) > 30
    assert set().union(*planted.crossed.values()) == {GATEWAY, *SERVICES} - {"payments"}
    for number, crossed in planted.crossed.items():
        assert crossed <= told_of(system, number)


def test_no_file_holds_a_secret(system, planted):
    files = haystack.written(system)

    logged = b"".join(text for name, text in files.items() if name.startswith("logs/"))
    assert {"logs/postgres.log", "logs/valkey.log", "logs/quintet.log"} <= set(files)
    assert unheard_of(planted, logged) == []
    assert found(planted, files) == []


def test_no_traceback_holds_a_secret_though_there_are_some(system, planted):
    failed = [number for number, answer in planted.answers.items() if answer.status == 500]
    lines = [line for number in failed for line in system.lines(number)["users"]]

    assert len(failed) == 2
    assert sum("users_user" in line.get("exception", "") for line in lines) == 2
    assert any(line.get("buffered") for line in lines), "the debug lines of a failure"
    assert found(planted, {"lines": json.dumps(lines).encode()}) == []


def test_nothing_that_those_inside_are_shown_holds_a_secret(system, planted):
    places = haystack.shown(system)

    assert unheard_of(planted, places["quintet logs"]) == []
    assert b'endpoint="/api/v1/auth/token/"' in planted.shown["users/metrics"]
    assert found(planted, places) == found(planted, planted.shown) == []


def test_no_refusal_repeats_a_secret(planted):
    refused = {number for number, answer in planted.answers.items() if answer.status >= 400}
    told = b"".join(planted.refusals)

    assert len(refused) > 30
    assert refused.isdisjoint(unheard_of(planted, told))
    assert found(planted, {"refusals": told}) == []
