from __future__ import annotations

from collections import Counter

import pytest

from quintet import conf, errors
from quintet.clients import ServiceClient, SparedException, dependencies, use_transport
from quintet.clients.dependencies import Dependency
from quintet.resilience import breaker
from quintet.resilience.breaker import State
from quintet.wire import Response

ADDRESSES = ("http://a:1", "http://b:2", "http://c:3")


@pytest.fixture
def users():
    return Dependency("users", conf.current())


def break_off(peer):
    while peer.breaker.state is State.CLOSED:
        peer.breaker.failed(peer.breaker.admit())


def chosen(users, *, times=300, **given):
    return Counter(users.choose(ADDRESSES, **given).base_url for _ in range(times))


def test_one_address_is_always_chosen(users):
    assert users.choose(ADDRESSES[:1]).base_url == "http://a:1"


def test_all_addresses_have_their_turn(users):
    assert set(chosen(users)) == set(ADDRESSES)


def test_the_busiest_of_all_is_never_chosen(users):
    users.peer("http://b:2").enter()

    assert set(chosen(users)) == {"http://a:1", "http://c:3"}


def test_who_has_less_to_do_is_chosen_more_often(users):
    users.peer("http://b:2").enter()
    users.peer("http://c:3").enter()

    found = chosen(users)

    assert found["http://a:1"] > found["http://b:2"] + found["http://c:3"]


def test_who_is_not_called_is_not_chosen(users):
    break_off(users.peer("http://a:1"))

    assert set(chosen(users)) == {"http://b:2", "http://c:3"}


def test_who_may_be_tried_is_chosen_again(users, monkeypatch):
    break_off(users.peer("http://a:1"))
    monkeypatch.setattr(users.peer("http://a:1").breaker, "_tries_at", 0.0)

    assert set(chosen(users)) == set(ADDRESSES)


def test_who_was_tried_is_chosen_when_there_is_nobody_else(users):
    tried = [users.peer(address) for address in ADDRESSES]

    assert set(chosen(users, tried=tried[:2])) == {"http://c:3"}
    assert set(chosen(users, tried=tried)) == set(ADDRESSES)


def test_a_service_is_as_willing_as_its_best_address(users):
    for address in ADDRESSES:
        users.peer(address)
    break_off(users.peer("http://a:1"))

    assert users.state is State.CLOSED
    assert users.states() == {"a:1": State.OPEN, "b:2": State.CLOSED, "c:3": State.CLOSED}


class Fleet:
    """A transport to three replicas, of which some answer 503."""

    def __init__(self, *bad):
        self.bad, self.called = bad, Counter()

    def send(self, request):
        self.called[request.base_url] += 1
        return Response(status=503 if request.base_url in self.bad else 204)


@pytest.fixture
def three(configure):
    configure(USERS_SERVICE_URL=",".join(ADDRESSES))


def call():
    return ServiceClient("users").get("/")


def test_a_call_that_failed_at_one_address_is_repeated_at_another(three):
    fleet = Fleet("http://a:1")

    with use_transport(fleet):
        for _ in range(30):
            call()

    assert fleet.called["http://a:1"] <= breaker.MOST_IN_A_ROW


def test_one_bad_replica_gets_hardly_any_calls(three):
    fleet = Fleet("http://b:2")

    with use_transport(fleet):
        for _ in range(400):
            call()
        states = dependencies.dependency("users").states()

    assert fleet.called["http://b:2"] / fleet.called.total() < 0.05
    assert states["b:2"] is State.OPEN


def test_when_all_addresses_fail_the_service_is_spared(three):
    fleet = Fleet(*ADDRESSES)

    with use_transport(fleet):
        for _ in range(60):
            with pytest.raises(errors.ServiceException):
                call()
        with pytest.raises(SparedException):
            call()

    assert fleet.called.total() <= 3 * breaker.MOST_IN_A_ROW


def test_no_address_stays_busy_when_its_calls_are_over(three):
    with use_transport(Fleet("http://c:3")):
        for _ in range(20):
            call()
        users = dependencies.dependency("users")

        assert [users.peer(address).in_flight for address in ADDRESSES] == [0, 0, 0]
