from __future__ import annotations

import time

import pytest
from prometheus_client import REGISTRY

from quintet import errors
from quintet.clients import ServiceClient, use_transport, with_fallback
from quintet.resilience import deadline
from quintet.testing import Downstream

NO_ANSWER = [
    errors.UnavailableException("users cannot be reached."),
    errors.DeadlineException("users did not answer."),
    errors.ExternalServiceException("users broke off.", service_name="users"),
]


def fallbacks():
    return REGISTRY.get_sample_value("client_fallbacks_total", {"service": "users"}) or 0.0


def user_or_nobody():
    return with_fallback(lambda: ServiceClient("users").get("/7/"), lambda error: None)


@pytest.fixture
def users():
    downstream = Downstream()
    with use_transport(downstream):
        yield downstream


def test_an_answer_is_the_answer(users):
    users.answer("users", "GET", "/7/", json={"id": 7})
    before = fallbacks()

    assert user_or_nobody() == {"id": 7}
    assert fallbacks() == before


@pytest.mark.parametrize("error", NO_ANSWER, ids=lambda error: error.error_code)
def test_what_stands_in_for_an_answer_is_counted_and_logged(users, error, caplog):
    users.refuse("users", "GET", "/7/", error=error)
    before = fallbacks()

    assert user_or_nobody() is None
    assert fallbacks() == before + 1
    assert [record.levelname for record in caplog.records if "fell back" in record.message] == [
        "WARNING"
    ]


def test_the_fallback_learns_why(users):
    users.refuse("users", "GET", "/7/", error=NO_ANSWER[0])

    why = with_fallback(lambda: ServiceClient("users").get("/7/"), lambda error: error)

    assert (why.origin, why.error_code) == ("users", "SERVICE_UNAVAILABLE")


def test_a_refusal_is_an_answer(users):
    users.fail("users", "GET", "/7/", error=errors.NotFoundException("No such user."), status=404)

    with pytest.raises(errors.NotFoundException):
        user_or_nobody()


def test_what_no_other_service_is_to_blame_for_is_raised():
    def own_database():
        raise errors.UnavailableException("The database is away.")

    with pytest.raises(errors.UnavailableException):
        with_fallback(own_database, lambda error: None)


def test_when_nobody_waits_any_more_there_is_no_fallback(users):
    def slow(request):
        while not deadline.is_over():
            time.sleep(0.001)
        raise NO_ANSWER[1]

    users.send = slow
    with deadline.within(0.05), pytest.raises(errors.DeadlineException):
        user_or_nobody()


def test_a_fallback_that_fails_as_well_is_the_failure(users):
    users.refuse("users", "GET", "/7/", error=NO_ANSWER[0])

    with pytest.raises(LookupError):
        with_fallback(lambda: ServiceClient("users").get("/7/"), lambda error: {}["no user"])
