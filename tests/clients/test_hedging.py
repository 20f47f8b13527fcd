from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from prometheus_client import REGISTRY

from quintet import context, errors, wire
from quintet.clients import Policy, ServiceClient, dependencies, use_transport
from quintet.resilience import budget, deadline, latency
from tests.wire.servers import serving

PATIENCE = 10


class Hedged(ServiceClient):
    service = "users"
    policy = Policy(hedged=True, retries=0)


class Users:
    """A users service of two replicas, which do in turn what they are told and then answer."""

    def __init__(self):
        self.acts, self.requests = [], []
        self.second_came, self.may_end, self.was_left = (threading.Event() for _ in range(3))
        self._lock = threading.Lock()

    def respond(self, handler):
        with self._lock:
            self.requests.append(handler)
            act = self.acts.pop(0) if self.acts else self.answer
            number = len(self.requests)
        if number > 1:
            self.second_came.set()
        act(handler)

    def answer(self, handler):
        handler.reply_json({"from": handler.server.url})

    def refuse(self, handler):
        handler.reply(503)

    def hold_back(self, handler):
        """Answer when the test is over; note it when the caller leaves before."""
        handler.connection.settimeout(PATIENCE)
        if handler.connection.recv(1) == b"":
            self.was_left.set()

    def until_asked_again(self, then):
        """Do what ``then`` says once somebody has asked for the second time."""

        def act(handler):
            self.second_came.wait(PATIENCE)
            then(handler)

        return act

    def when_it_may(self, handler):
        self.may_end.wait(PATIENCE)
        self.answer(handler)


@pytest.fixture
def users(configure):
    made = Users()
    with ExitStack() as stack:
        urls = [stack.enter_context(serving(made.respond)).url for _ in range(2)]
        configure(USERS_SERVICE_URL=",".join(urls))
        know(0.01)
        yield made
        made.may_end.set()


def know(seconds, *, times=latency.FEWEST):
    for _ in range(times):
        dependencies.dependency("users").usual(Hedged).add(seconds)


def counted(metric, **labels):
    return REGISTRY.get_sample_value(metric, {"service": "users", **labels}) or 0.0


def test_who_takes_unusually_long_is_not_waited_for(users):
    users.acts = [users.hold_back]
    before = counted("client_hedges_total", outcome="won")

    answer = Hedged().get("/")

    slow, quick = users.requests
    assert answer == {"from": quick.server.url}
    assert slow.server is not quick.server
    assert counted("client_hedges_total", outcome="won") == before + 1


def test_who_is_not_waited_for_sees_it(users):
    users.acts = [users.hold_back]

    Hedged().get("/")

    assert users.was_left.wait(PATIENCE)


def test_a_first_answer_that_comes_after_all_ends_the_second_attempt(users):
    users.acts = [users.until_asked_again(users.answer), users.hold_back]
    before = counted("client_hedges_total", outcome="lost")

    answer = Hedged().get("/")

    assert answer == {"from": users.requests[0].server.url}
    assert users.was_left.wait(PATIENCE)
    assert counted("client_hedges_total", outcome="lost") == before + 1


def test_a_second_attempt_that_fails_does_not_matter(users):
    users.acts = [users.when_it_may, lambda handler: (users.refuse(handler), users.may_end.set())]

    assert Hedged().get("/") == {"from": users.requests[0].server.url}


def test_a_first_attempt_that_fails_waits_for_the_second(users):
    def refuse_and_let_the_other_end(handler):
        users.refuse(handler)
        users.may_end.set()

    users.acts = [users.until_asked_again(refuse_and_let_the_other_end), users.when_it_may]

    assert Hedged().get("/") == {"from": users.requests[1].server.url}


def test_when_both_fail_the_call_fails(users):
    users.acts = [users.until_asked_again(users.refuse), users.refuse]

    with pytest.raises(errors.ExternalServiceException):
        Hedged().get("/")


def test_who_answers_as_usual_is_asked_once(users):
    know(PATIENCE, times=latency.KEPT)

    Hedged().get("/")

    assert len(users.requests) == 1


def asked_while_the_first_waits(users, call):
    """How many requests come of a call whose first attempt is answered late."""
    users.acts = [users.when_it_may]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(call)
        came = users.second_came.wait(0.5)
        users.may_end.set()
        running.result(PATIENCE)
    return 2 if came else 1


def test_what_changes_something_is_sent_once_also_with_a_key(users):
    calls = asked_while_the_first_waits(users, lambda: Hedged().post("/", idempotency_key="k"))

    assert calls == 1


def test_nobody_is_hedged_who_did_not_ask_for_it(users):
    assert asked_while_the_first_waits(users, lambda: ServiceClient("users").get("/")) == 1


def test_of_an_unknown_service_nobody_knows_what_is_unusual(users):
    dependencies.forget()
    know(0.01, times=latency.FEWEST - 1)

    assert asked_while_the_first_waits(users, lambda: Hedged().get("/")) == 1


def test_what_is_usual_of_one_client_is_not_what_is_usual_of_another(users):
    class Slow(Hedged):
        pass

    assert asked_while_the_first_waits(users, lambda: Slow().get("/")) == 1


def test_second_attempts_are_paid_from_the_budget_of_the_retries(users):
    spend = dependencies.dependency("users").budget.withdraw
    while spend():
        pass
    before = counted("client_spared_total", reason="budget")

    assert asked_while_the_first_waits(users, lambda: Hedged().get("/")) == 1
    assert counted("client_spared_total", reason="budget") == before + 1


def test_a_service_that_is_asked_too_much_is_not_asked_more(users):
    dependencies.dependency("users").bulkhead.places = 1
    spared = counted("client_spared_total", reason="full")
    users.acts = [users.when_it_may]

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lambda: Hedged().get("/"))
        while counted("client_spared_total", reason="full") == spared:
            assert not running.done()
            time.sleep(0.01)
        users.may_end.set()
        running.result(PATIENCE)

    assert len(users.requests) == 1


def test_both_attempts_belong_to_the_request_that_makes_them(users):
    came, seen = threading.Event(), []

    class Transport:
        def send(self, request):
            seen.append((context.current(), deadline.remaining() is not None))
            if len(seen) == 1:
                came.wait(PATIENCE)
            came.set()
            return wire.Response(status=200, body=b"{}")

    ours = context.new()
    with use_transport(Transport()), context.running(ours):
        know(0.01)
        with deadline.running(time.monotonic() + PATIENCE):
            Hedged().get("/")

    assert seen == [(ours, True)] * 2


def test_nobody_waits_beyond_the_deadline_for_a_second_attempt_that_cannot_be_ended(users):
    """Such as one that resolves a name: the system's resolver hears of no deadline."""
    hangs, second_came = threading.Event(), threading.Event()

    class Transport:
        def send(self, request):
            if not second_came.is_set() and not first:
                first.append(request)
                second_came.wait(PATIENCE)
                raise errors.UnavailableException("Reset by the peer.")
            second_came.set()
            hangs.wait(3 * PATIENCE)
            return wire.Response(status=200, body=b"{}")

    first = []
    with use_transport(Transport()), ThreadPoolExecutor(1) as pool:
        know(0.01)
        running = pool.submit(lambda: Hedged().get("/", timeout_seconds=1))
        with pytest.raises(errors.UnavailableException):
            running.result(PATIENCE)
        hangs.set()


def test_nothing_is_held_or_held_against_anybody_afterwards(users):
    known = dependencies.dependency("users")
    for _ in range(budget.FLOOR):
        users.acts, users.requests[:] = [users.hold_back], []
        Hedged().get("/")

    assert known.bulkhead.taken == 0
    assert [peer.in_flight for peer in known._peers.values()] == [0, 0]
    assert {str(state) for state in known.states().values()} == {str(dependencies.State.CLOSED)}


def test_how_long_ended_attempts_took_is_remembered_as_well(users):
    """Or what is usual would be told by the quick ones alone, and more and more be asked twice."""
    users.acts = [users.hold_back]
    known = dependencies.dependency("users").usual(Hedged)
    before = known._count

    Hedged().get("/")

    assert known._count == before + 2
