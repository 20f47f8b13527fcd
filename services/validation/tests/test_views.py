"""What the users service, and everybody else, gets at the one door."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from quintet.testing.identity import as_service, as_user

DOOR = "/api/v1/validate/"
JOHN = {"username": "johndoe", "email": "john@example.com"}


def test_a_person_is_valid(users):
    response = users.post(DOOR, JOHN)

    assert response.status_code == 200
    assert response.json() == {"valid": True, "score": 1.0, "reasons": []}


def test_a_reason_names_field_and_code_and_says_it_in_words(users):
    response = users.post(DOOR, {**JOHN, "username": "admin"})

    assert response.json() == {
        "valid": False,
        "score": 0.0,
        "reasons": [
            {
                "field": "username",
                "code": "username_reserved",
                "message": "This name speaks for the system.",
            }
        ],
    }


def test_empty_strings_are_judged_like_any_other(users):
    response = users.post(DOOR, {"username": "", "email": ""})

    codes = [reason["code"] for reason in response.json()["reasons"]]
    assert codes == ["username_too_short", "username_characters", "email_syntax"]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"username", "email"}),
        ({**JOHN, "email": None}, {"email"}),
        ({**JOHN, "username": ["john"]}, {"username"}),
        ({**JOHN, "username": "n" * 1001}, {"username"}),
        ({**JOHN, "age": 7}, {"age"}),
    ],
)
def test_a_question_of_another_form_is_refused(users, body, wrong):
    response = users.post(DOOR, body)

    assert response.status_code == 400
    assert response.json()["error"]["details"]["field_errors"].keys() == wrong


def test_a_stranger_has_to_say_who_it_is(nobody):
    assert nobody.post(DOOR, JOHN).status_code == 401


@pytest.mark.parametrize(
    "caller",
    [lambda: as_user(APIClient(), 7, staff=True), lambda: as_service(APIClient(), "orders")],
    ids=["staff", "orders"],
)
def test_nobody_but_the_users_service_may_ask(caller):
    assert caller().post(DOOR, JOHN).status_code == 403


def test_the_door_takes_questions_only(users):
    response = users.get(DOOR)

    assert response.status_code == 405
    assert response.json()["error"]["code"] == "METHOD_NOT_ALLOWED"


def test_the_contract_names_every_code_of_a_reason(nobody):
    contract = nobody.get("/openapi.json").json()

    codes = contract["components"]["schemas"]["CodeEnum"]["enum"]
    assert "email_disposable" in codes
    assert contract["paths"][DOOR]["post"]["requestBody"]["content"]["application/json"]["examples"]


def test_a_service_without_a_database_is_ready(nobody):
    assert nobody.get("/readyz").json() == {"status": "ok"}
