from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from quintet import errors
from quintet.clients import Policy, ServiceClient, dependencies, pipeline, use_transport
from quintet.resilience import breaker, budget, deadline
from quintet.resilience.breaker import State
from quintet.wire import Response

GOOD = Response(status=200, body=b'{"id": 7}')
BUSY = Response(status=503)
GONE = errors.UnavailableException("users cannot be reached.")
LATE = errors.DeadlineException("users did not answer.")


class Script:
    """A transport that does what it was told, one request after the other, and then is good."""

    def __init__(self, *acts):
        self.acts, self.requests, self.sent_at = list(acts), [], []

    def send(self, request):
        self.sent_at.append(time.monotonic())
        self.requests.append(request)
        act = self.acts.pop(0) if self.acts else GOOD
        if isinstance(act, BaseException):
            raise act
        return act(request) if callable(act) else act


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(pipeline, "BACKOFF_SECONDS", 0.001)


def get(script, **given):
    with use_transport(script):
        return ServiceClient("users").get("/", **given)


def several(script, *, times, call=None):
    """Make calls one after the other; what became of each of them."""
    fates = []
    with use_transport(script):
        for _ in range(times):
            try:
                fates.append((call or (lambda: ServiceClient("users").get("/")))())
            except errors.ServiceException as error:
                fates.append(error)
        fates.append(dependencies.dependency("users"))
    return fates[:-1], fates[-1]


# Retries


@pytest.mark.parametrize(
    "act", [GONE, LATE, BUSY, Response(status=502), Response(status=429)], ids=str
)
def test_a_get_that_nobody_answered_is_repeated(act):
    script = Script(act, act)

    assert get(script) == {"id": 7}
    assert len(script.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 409, 418, 500, 504])
def test_what_was_answered_is_not_asked_again(status):
    script = Script(Response(status=status))

    with pytest.raises(errors.ServiceException):
        get(script)

    assert len(script.requests) == 1


def test_an_answer_of_no_use_is_not_asked_for_again():
    script = Script(errors.ExternalServiceException("users does not speak HTTP.", "users"))

    with pytest.raises(errors.ExternalServiceException):
        get(script)

    assert len(script.requests) == 1


def test_the_last_failure_is_what_the_caller_is_told():
    script = Script(BUSY, BUSY, GONE)

    with pytest.raises(errors.UnavailableException, match="reached") as raised:
        get(script)

    assert raised.value.origin == "users"
    assert len(script.requests) == 3


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_what_changes_something_is_not_repeated(method):
    script = Script(GONE)

    with use_transport(script), pytest.raises(errors.UnavailableException):
        getattr(ServiceClient("users"), method)("/")

    assert len(script.requests) == 1


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_what_has_a_key_is_repeated_with_the_same_key(method):
    script = Script(GONE, LATE)

    with use_transport(script):
        getattr(ServiceClient("users"), method)("/", idempotency_key="one-deed")

    keys = [request.headers["Idempotency-Key"] for request in script.requests]
    assert keys == ["one-deed"] * 3


@pytest.mark.parametrize("key", ["", "x" * 256, "a\r\nX-Other: b", "ключ", "\x00"])
def test_a_key_that_is_no_word_is_a_mistake_of_the_caller(key):
    script = Script()

    with use_transport(script), pytest.raises(ValueError, match="idempotency key"):
        ServiceClient("users").post("/", idempotency_key=key)

    assert script.requests == []


def test_a_client_may_want_fewer_retries():
    class Impatient(ServiceClient):
        service = "users"
        policy = Policy(retries=0)

    script = Script(GONE)

    with use_transport(script), pytest.raises(errors.UnavailableException):
        Impatient().get("/")

    assert len(script.requests) == 1


def test_the_settings_say_how_often_a_call_is_repeated(configure):
    configure(CLIENT_RETRIES="4")
    script = Script(*[GONE] * 4)

    assert get(script) == {"id": 7}
    assert len(script.requests) == 5


def test_nobody_is_asked_again_earlier_than_he_wants():
    script = Script(Response(status=503, headers={"retry-after": "1"}))

    get(script)

    first, second = script.sent_at
    assert second - first >= 1


@pytest.mark.parametrize(
    "said", ["-1", "soon", "", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 10]
)
def test_who_says_when_in_a_way_that_is_no_number_of_seconds_is_not_asked_again(said):
    script = Script(Response(status=503, headers={"retry-after": said}))

    with pytest.raises(errors.ServiceException):
        get(script)

    assert len(script.requests) == 1


def test_nobody_waits_for_an_attempt_that_would_come_too_late():
    script = Script(Response(status=503, headers={"retry-after": "30"}))

    with pytest.raises(errors.ServiceException):
        get(script)

    assert len(script.requests) == 1


def test_a_failure_from_further_away_is_not_tried_again_here():
    script = Script(Response(status=503, headers={"x-no-retry": "1"}))

    with pytest.raises(errors.ServiceException):
        get(script)

    assert len(script.requests) == 1


def test_retries_stay_within_their_budget():
    """Every third attempt fails: nobody asks more than a tenth more often."""
    script = Script(*[BUSY, GOOD, GOOD] * 500)

    fates, _ = several(script, times=400)

    assert len(fates) == 400
    assert len(script.requests) <= 400 * (1 + budget.SHARE) + budget.FLOOR
    assert len(script.requests) > 400


# The time


def test_every_attempt_says_how_long_it_is_waited_for(configure):
    configure(CLIENT_TIMEOUT_SECONDS="3", CLIENT_ATTEMPT_SECONDS="2")
    script = Script(GONE, lambda _: time.sleep(1.2) or BUSY)

    get(script)

    said = [int(request.headers["X-Request-Timeout-Ms"]) for request in script.requests]
    assert said[:2] == [2000, 2000]
    assert 1500 < said[2] <= 1800
    for request, written in zip(script.requests, said, strict=True):
        assert int(request.timeout_seconds * 1000) == written


def test_an_attempt_that_cannot_be_repeated_has_all_the_time(configure):
    configure(CLIENT_TIMEOUT_SECONDS="3", CLIENT_ATTEMPT_SECONDS="2")
    script = Script()

    with use_transport(script):
        ServiceClient("users").post("/")

    assert 2.9 < script.requests[0].timeout_seconds <= 3


def test_all_attempts_together_end_with_the_deadline_of_the_request():
    def late(request):
        time.sleep(request.timeout_seconds)
        raise errors.DeadlineException("late")

    began = time.monotonic()
    with deadline.running(began + 0.3), pytest.raises(errors.ServiceException):
        get(Script(*[late] * 9))

    assert time.monotonic() - began < 0.4


# The breaker


def failing(times):
    return Script(*[Response(status=503, headers={"retry-after": "never"})] * times)


def test_a_service_that_fails_is_not_called_for_a_while():
    script = failing(99)

    fates, users = several(script, times=20)

    assert len(script.requests) == breaker.MOST_IN_A_ROW
    assert isinstance(fates[-1], pipeline.SparedException)
    assert fates[-1].retry_after_seconds == 1
    assert list(users.states().values()) == [State.OPEN]


def test_a_service_that_is_back_is_called_again(configure):
    configure(CLIENT_OPEN_SECONDS="0.1")
    script = failing(breaker.MOST_IN_A_ROW)

    with use_transport(script):
        for _ in range(breaker.MOST_IN_A_ROW):
            with pytest.raises(errors.ServiceException):
                ServiceClient("users").get("/")
        time.sleep(0.15)
        answers = [ServiceClient("users").get("/") for _ in range(10)]

    assert answers == [{"id": 7}] * 10


def test_a_retry_ends_with_the_breaker_that_it_has_opened(configure):
    configure(CLIENT_RETRIES="5")
    script = Script(*[GONE] * 99)

    fates, _ = several(script, times=2)

    assert len(script.requests) == breaker.MOST_IN_A_ROW
    assert isinstance(fates[1], pipeline.SparedException)


@pytest.mark.parametrize(
    "answer",
    [
        Response(status=400),
        Response(status=404),
        Response(status=429, headers={"retry-after": "never"}),
        Response(status=500),
        Response(status=503, headers={"x-no-retry": "1"}),
    ],
    ids=str,
)
def test_who_answers_has_not_failed(answer):
    script = Script(*[answer] * 60)

    several(script, times=60)

    assert len(script.requests) == 60


def test_a_call_with_hardly_any_time_says_nothing_about_the_service():
    def slowly(_):
        time.sleep(0.02)
        return GOOD

    def hurried():
        return ServiceClient("users").post("/", timeout_seconds=0.03)

    with use_transport(Script(*[slowly] * 5, *[LATE] * 30)) as _:
        for _ in range(5):
            ServiceClient("users").get("/")
        for _ in range(30):
            with pytest.raises(errors.DeadlineException):
                hurried()
        assert list(dependencies.dependency("users").states().values()) == [State.CLOSED]


def test_a_service_that_does_not_answer_in_a_fair_time_fails():
    script = Script(*[LATE] * 99)

    several(script, times=30, call=lambda: ServiceClient("users").post("/"))

    assert len(script.requests) == breaker.MOST_IN_A_ROW


def test_each_address_has_a_breaker_of_its_own(configure):
    script = failing(breaker.MOST_IN_A_ROW)
    with use_transport(script):
        for _ in range(breaker.MOST_IN_A_ROW):
            with pytest.raises(errors.ServiceException):
                ServiceClient("users").get("/")

        assert ServiceClient("gift-cards").get("/") == {"id": 7}


# The places


def test_no_more_calls_than_places_are_under_way_at_once(configure):
    configure(CLIENT_PLACES="2", CLIENT_TIMEOUT_SECONDS="0.5")
    most, now, lock = [], [], threading.Lock()

    def slowly(request):
        with lock:
            now.append(request)
            most.append(len(now))
        time.sleep(0.4)
        with lock:
            now.remove(request)
        return GOOD

    def ask(_):
        try:
            return ServiceClient("users").post("/")
        except pipeline.SparedException as error:
            return error

    with use_transport(Script(*[slowly] * 12)), ThreadPoolExecutor(12) as pool:
        fates = list(pool.map(ask, range(12)))

    assert max(most) == 2
    assert fates.count({"id": 7}) == 2
    assert all("too much" in str(fate) for fate in fates if fate != {"id": 7})


class Cancelled(BaseException):
    """What ends a thread or a task from outside."""


def test_a_call_that_is_given_up_from_outside_leaves_its_place():
    with use_transport(Script(Cancelled())):
        with pytest.raises(Cancelled):
            ServiceClient("users").get("/")

        assert dependencies.dependency("users").bulkhead.taken == 0
