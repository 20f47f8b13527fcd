"""F1 and F2: the wall clock of one service is set, or runs apart from that of another one."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from email.utils import parsedate_to_datetime

import load
import pytest
import servers
from clocks import WallClock
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from load import Call, Load
from system import until

HOUR, TEN_YEARS = 3_600, 315_360_000
pytestmark = pytest.mark.slow

JUMPS = (HOUR, -HOUR, TEN_YEARS)
CALLS = [
    Call(path="/api/v1/sleep/20/"),
    Call(path="/api/v1/rows/", method="POST", body='{"name": "row {n}"}'),
]
PER_SECOND, SECONDS, JUMPS_AFTER_SECONDS = 50, 2, 0.7
PATIENCE = "X-Request-Timeout-Ms"


@pytest.fixture
def clock(scratch, request):
    made = WallClock(scratch / f"clock-{request.node.name}")
    yield made
    made.jump(0)


def a_key():
    key = ec.generate_private_key(ec.SECP256R1())
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    return key.private_bytes(*pem, serialization.NoEncryption()).decode()


@contextmanager
def pair(scratch, clock):
    """A service that asks, and the one that it asks, whose clock may be wrong."""
    port = servers.free_port()
    both = {"DJANGO_SETTINGS_MODULE": "stage.paired"}
    with ExitStack() as stack:
        asking = stack.enter_context(
            servers.stage(
                scratch,
                AUTH_SIGNING_KEYS=a_key(),
                OTHER_SERVICE_URL=f"http://127.0.0.1:{port}",
                **both,
            )
        )
        asked = stack.enter_context(
            servers.stage(
                scratch,
                port=port,
                SERVICE_NAME="other",
                AUTH_ISSUERS=f"stage={asking.url}/.well-known/jwks.json",
                **both,
                **clock.variables,
            )
        )
        yield asking, asked


def seconds_ahead(server):
    """What its clock says, in the header that every server writes."""
    date = server.door().ask("GET", "/livez").headers["date"]
    return parsedate_to_datetime(date).timestamp() - time.time()


def jumped_under_load(server, clock, seconds):
    """What became of the requests while the clock was set."""
    asking = Load(
        address=server.address,
        calls=CALLS,
        per_second=PER_SECOND,
        seconds=SECONDS,
        timeout_seconds=2,
        keep_alive=True,
    )
    with load.running(asking) as run:
        time.sleep(JUMPS_AFTER_SECONDS)
        clock.jump(seconds)
        outcomes = run.outcomes()
    assert seconds_ahead(server) == pytest.approx(seconds, abs=5), "the clock was not set"
    return outcomes


def held(server, *, hold_ms, patience_ms):
    """The status of a transaction that is held, for a caller of so much patience."""
    body = {"name": "held", "hold_ms": hold_ms}
    headers = {PATIENCE: str(patience_ms)}
    return server.door().ask("POST", "/api/v1/rows/", body, headers=headers).status


def turned(server):
    """The levels that are changed for a while."""
    return server.door().ask("GET", "/loggers").json["changed"]


def test_f1_a_clock_that_jumps_fails_no_request(scratch, clock, figures):
    theirs = []
    with servers.stock(scratch, **clock.variables) as control:
        for seconds in JUMPS:
            theirs += jumped_under_load(control, clock, seconds)
    clock.jump(0)
    ours = []
    with pair(scratch, clock) as (asking, asked):
        for seconds in JUMPS:
            ours += jumped_under_load(asked, clock, seconds)
            assert held(asked, hold_ms=50, patience_ms=5_000) == 201
            assert held(asked, hold_ms=600, patience_ms=300) == 504
            refused = asking.door().ask("GET", "/api/v1/ask/1/")
            assert refused.status == (502 if seconds else 200), "a token is what its time says"
        assert asked.stop() == 0

    figures.note(
        scenario="F1",
        what="requests failed while the wall clock jumps by 1 h, -1 h and 10 years",
        ours=f"{sum(not one.ok for one in ours)} of {len(ours)}",
        stock=f"{sum(not one.ok for one in theirs)} of {len(theirs)}",
        to_reach="0",
    )
    assert load.share(ours) == 1


def test_f1_what_was_turned_for_a_while_goes_back_after_that_while(scratch, clock):
    with servers.stage(scratch, **clock.variables) as server:
        wish = {"name": "web", "level": "DEBUG", "seconds": 4}
        assert server.door().ask("POST", "/loggers", wish).status == 200
        began = time.monotonic()

        clock.jump(TEN_YEARS)
        until(lambda: seconds_ahead(server) > HOUR, seconds=2)
        assert turned(server)["web"]["seconds_left"] > 0
        clock.jump(-HOUR)
        until(lambda: not turned(server), seconds=15)

        assert 3.5 < time.monotonic() - began < 10


def test_f2_services_whose_clocks_differ_understand_each_other(scratch, clock, figures):
    left = {}
    with pair(scratch, clock) as (asking, _):
        for seconds in (0, 25, -25, 60):
            clock.jump(seconds)
            answer = asking.door().ask("GET", "/api/v1/ask/1/", headers={PATIENCE: "1800"})
            assert answer.status == 200, (seconds, answer.body)
            assert answer.json["time"] - time.time() == pytest.approx(seconds, abs=2)
            left[seconds] = answer.json["left_seconds"]
        clock.jump(-60)
        early = asking.door().ask("GET", "/api/v1/ask/1/")

    figures.note(
        scenario="F2",
        what="time that is left of 1.8 s at a service whose clock is 60 s ahead",
        ours=f"{left[60]:.2f} s",
        to_reach="1.3 to 1.8 s",
    )
    assert all(1.3 < seconds <= 1.8 for seconds in left.values())
    assert (early.status, early.error["code"]) == (502, "EXTERNAL_SERVICE_ERROR")
