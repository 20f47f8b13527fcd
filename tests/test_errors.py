from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime

import pytest

from quintet import errors
from quintet.errors import (
    BY_CODE,
    AuthenticationException,
    BusinessLogicException,
    ConflictException,
    DeadlineException,
    ExternalServiceException,
    InternalException,
    Kind,
    MethodException,
    NotFoundException,
    PermissionException,
    RateLimitException,
    ServiceException,
    TooLargeException,
    UnavailableException,
    ValidationException,
)

EXAMPLES = [
    ServiceException("no"),
    ValidationException("no", {"email": ["This field is required."]}),
    BusinessLogicException("no", business_rule="unique_email"),
    ExternalServiceException("no", "users", 503),
    AuthenticationException(),
    PermissionException(),
    NotFoundException(),
    MethodException("no", ["GET", "HEAD"]),
    ConflictException("no"),
    TooLargeException("no", limit_bytes=10),
    RateLimitException("no", retry_after_seconds=3),
    InternalException(),
    UnavailableException("no", 1.5),
    DeadlineException("no"),
]


class OutOfStock(BusinessLogicException):
    def __init__(self, left: int) -> None:
        super().__init__(f"only {left} left", "out_of_stock")


def answered(error: ServiceException) -> dict:
    return errors.envelope(error, correlation_id="c", service="users", timestamp="now")


def test_there_is_an_example_of_every_class():
    assert {type(error) for error in EXAMPLES} == set(BY_CODE.values())


def test_every_kind_belongs_to_exactly_one_class():
    kinds = [error.kind for error in BY_CODE.values()]

    assert sorted(kind.name for kind in kinds) == sorted(kind.name for kind in Kind)


def test_the_four_errors_of_the_source_keep_their_codes():
    codes = [error("no").error_code for error in (ServiceException, ValidationException)]

    assert codes == ["SERVICE_ERROR", "VALIDATION_ERROR"]
    assert BusinessLogicException("no").error_code == "BUSINESS_LOGIC_ERROR"
    assert ExternalServiceException("no", "users").error_code == "EXTERNAL_SERVICE_ERROR"


def test_an_error_code_of_another_class_brings_the_kind_of_that_class():
    error = ServiceException("no", error_code="BUSINESS_LOGIC_ERROR")

    assert error.kind is Kind.RULE


def test_an_error_code_of_a_service_keeps_the_kind_of_its_class():
    error = ConflictException("no", error_code="ALREADY_PAID", details={"payment": 7})

    assert (error.kind, error.error_code) == (Kind.CONFLICT, "ALREADY_PAID")


def test_details_are_a_copy_of_what_was_given():
    given = {"a": 1}
    error = ServiceException("no", details=given)

    given["a"] = 2

    assert error.details == {"a": 1}


def test_the_envelope_has_the_six_keys_of_the_source():
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    error = BusinessLogicException("taken", business_rule="unique_email")

    made = errors.envelope(error, correlation_id="abc", service="users", timestamp=at)

    assert made == {
        "error": {
            "code": "BUSINESS_LOGIC_ERROR",
            "message": "taken",
            "details": {"business_rule": "unique_email"},
            "correlation_id": "abc",
            "service": "users",
            "timestamp": "2026-11-23T12:00:00+00:00",
        }
    }


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_and_copying(error):
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own
        assert type(again) is type(error)
        assert answered(again) == answered(error)
        assert str(again) == error.message


@pytest.mark.parametrize(
    "error",
    [error for error in EXAMPLES if not isinstance(error, InternalException)],
    ids=lambda error: type(error).__name__,
)
def test_a_client_raises_the_error_that_the_server_raised(error):
    again = errors.from_envelope(answered(error), status=400, service="users")

    assert type(again) is type(error)
    assert answered(again) == answered(error)
    assert again.kind is error.kind
    assert again.origin == "users"


def test_an_error_of_a_service_arrives_as_the_class_that_it_derives_from():
    again = errors.from_envelope(answered(OutOfStock(2)), status=422, service="products")

    assert type(again) is BusinessLogicException
    assert again.business_rule == "out_of_stock"


def test_an_internal_error_of_another_service_is_an_external_error_here():
    again = errors.from_envelope(answered(InternalException()), status=500, service="users")

    assert isinstance(again, ExternalServiceException)
    assert again.details == {"service_name": "users", "status_code": 500}
    assert again.origin == "users"


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "<html>",
        [],
        {},
        {"error": None},
        {"error": "no"},
        {"error": {}},
        {"error": {"code": ["NOT_FOUND"]}},
        {"error": {"code": "API_ERROR", "message": "not acceptable"}},
    ],
    ids=str,
)
def test_what_is_no_envelope_is_an_external_error(payload):
    again = errors.from_envelope(payload, status=418, service="users")

    assert isinstance(again, ExternalServiceException)
    assert again.details == {"service_name": "users", "status_code": 418}


@pytest.mark.parametrize("details", [None, "text", ["a"], 7])
def test_details_that_are_no_object_are_dropped(details):
    payload = {"error": {"code": "NOT_FOUND", "message": "gone", "details": details}}

    assert errors.from_envelope(payload, status=404, service="users").details == {}


def test_an_endless_message_of_another_service_is_cut():
    payload = {"error": {"code": "NOT_FOUND", "message": "x" * 1_000_000}}

    again = errors.from_envelope(payload, status=404, service="users")

    assert len(again.message) == errors.LONGEST_REMOTE_MESSAGE


def test_an_envelope_without_a_message_says_who_answered_what():
    again = errors.from_envelope({"error": {"code": "NOT_FOUND"}}, status=404, service="users")

    assert again.message == "users answered 404."


@pytest.mark.parametrize("seconds", ["soon", None, [1]])
def test_a_waiting_time_that_is_no_number_is_unknown(seconds):
    payload = {"error": {"code": "RATE_LIMITED", "details": {"retry_after_seconds": seconds}}}

    again = errors.from_envelope(payload, status=429, service="users")

    assert again.retry_after_seconds is None


def test_what_an_error_knows_can_be_asked():
    assert RateLimitException("no", 3).retry_after_seconds == 3
    assert UnavailableException("no").retry_after_seconds is None
    assert MethodException("no", ["GET"]).allowed == ("GET",)
    assert BusinessLogicException("no").business_rule is None
    assert TooLargeException("no").details == {}


@pytest.mark.parametrize("allowed", [5, "GET", {"GET": 1}, ["GET\r\nSet-Cookie: a=b"], [None]])
def test_methods_of_another_service_that_are_none_are_unknown(allowed):
    payload = {"error": {"code": "METHOD_NOT_ALLOWED", "details": {"allowed": allowed}}}

    again = errors.from_envelope(payload, status=405, service="users")

    assert again.allowed == ()
