"""What is made of the answers of the validation service."""

from __future__ import annotations

import pytest

from quintet.errors import (
    DeadlineException,
    ExternalServiceException,
    UnavailableException,
)
from users.clients import ValidationClient


def test_the_question_is_the_one_that_the_other_service_offers_to_answer(judge):
    judgement = ValidationClient().judge("john", "john@example.com")

    (request,) = judge.requests
    assert (request.service, request.method, request.target) == (
        "validation",
        "POST",
        "/api/v1/validate/",
    )
    assert judge.judged == [{"username": "john", "email": "john@example.com"}]
    assert judgement.valid


def test_the_service_proves_its_name(judge):
    ValidationClient().judge("john", "john@example.com")

    assert judge.requests[0].headers["Authorization"].startswith("Bearer ey")


def test_the_reasons_of_a_rejection_are_kept(judge, rejection):
    judgement = ValidationClient().judge("admin", "john@example.com")

    assert (judgement.valid, judgement.reasons) == (False, [rejection])


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"valid": 1, "reasons": []}, {"valid": False, "reasons": ["no"]}]
)
def test_an_answer_of_another_form_is_not_believed(judge, answer):
    judge.answer = answer

    with pytest.raises(ExternalServiceException):
        ValidationClient().judge("john", "john@example.com")


@pytest.mark.parametrize("error", [UnavailableException, DeadlineException])
def test_an_outage_is_passed_on_as_one(judge, error):
    judge.error = error("No answer.")

    with pytest.raises(error):
        ValidationClient().judge("john", "john@example.com")


@pytest.mark.parametrize("code", ["VALIDATION_ERROR", "PERMISSION_ERROR", "NOT_FOUND"])
def test_a_refused_question_is_not_blamed_on_the_person_who_registers(judge, code):
    judge.status, judge.answer = 400, {"error": {"code": code, "message": "", "details": {}}}

    with pytest.raises(ExternalServiceException):
        ValidationClient().judge("john", "john@example.com")
