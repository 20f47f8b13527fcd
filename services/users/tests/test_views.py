"""What users, staff, services and strangers get at each door."""

from __future__ import annotations

import pytest
from people import PASSWORD
from rest_framework.test import APIClient

from quintet.errors import DeadlineException, UnavailableException
from quintet.testing.identity import as_service, as_user
from users.models import User

USERS = "/api/v1/users/"
JOHN = {"username": "john", "email": "john@example.com"}
SHAPE = {"id", "username", "email", "first_name", "last_name", "is_active", "created_at"}
KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
OTHER_KEY = "b5ae9bc8-6d0f-4a6d-9e0e-2f3c0a4f8f11"


@pytest.fixture
def nobody():
    """A client without a token."""
    return APIClient()


@pytest.fixture
def as_john(john):
    """John's own client."""
    return as_user(APIClient(), john.pk)


@pytest.fixture
def as_mary(mary):
    """Somebody else's client."""
    return as_user(APIClient(), mary.pk)


@pytest.fixture
def as_staff(operator):
    """An operator's client."""
    return as_user(APIClient(), operator.pk, staff=True)


def at(user, rest=""):
    return f"{USERS}{user.pk}/{rest}"


def error(response):
    return response.json()["error"]


def names(response):
    return [row["username"] for row in response.json()["results"]]


def test_a_stranger_registers(db, nobody):
    response = nobody.post(USERS, {**JOHN, "first_name": "John", "password": PASSWORD})

    assert response.status_code == 201
    assert response.json().keys() == SHAPE
    assert User.objects.get().check_password(PASSWORD)


def test_a_registration_without_names_says_which_ones_are_missing(db, nobody):
    response = nobody.post(USERS, {})

    assert response.status_code == 400
    assert error(response)["details"]["field_errors"].keys() == {"username", "email"}


@pytest.mark.parametrize(
    "extra", [{"is_staff": True}, {"is_active": False}, {"id": 7}, {"roles": ["staff"]}]
)
def test_nobody_gets_more_than_a_user_by_writing_it_into_the_body(db, nobody, extra):
    response = nobody.post(USERS, {**JOHN, **extra})

    assert response.status_code == 400
    assert error(response)["details"]["field_errors"].keys() == extra.keys()
    assert not User.objects.exists()


def test_a_weak_password_is_an_error_of_its_field(db, nobody):
    response = nobody.post(USERS, {**JOHN, "password": "password"})

    assert response.status_code == 400
    assert error(response)["details"]["field_errors"].keys() == {"password"}


@pytest.mark.parametrize(
    ("taken", "rule"),
    [({"username": "other"}, "unique_email"), ({"email": "o@example.com"}, "unique_username")],
)
def test_a_duplicate_breaks_a_rule(john, nobody, taken, rule):
    response = nobody.post(USERS, {**JOHN, **taken})

    assert response.status_code == 422
    assert error(response)["code"] == "BUSINESS_LOGIC_ERROR"
    assert error(response)["details"] == {"business_rule": rule}


def test_a_rejection_says_why(db, nobody, rejection):
    response = nobody.post(USERS, JOHN)

    assert response.status_code == 422
    assert error(response)["details"] == {
        "business_rule": "validation_rejected",
        "reasons": [rejection],
    }


@pytest.mark.parametrize(
    ("outage", "status"), [(UnavailableException, 503), (DeadlineException, 504)]
)
def test_nobody_is_registered_while_the_judge_is_away(db, nobody, judge, outage, status):
    judge.error = outage("No answer.")

    response = nobody.post(USERS, JOHN)

    assert response.status_code == status
    assert error(response)["service"] == "users"
    assert not User.objects.exists()


def test_nobody_is_registered_when_the_judge_is_broken(db, nobody, judge):
    judge.status, judge.answer = 500, "?"

    response = nobody.post(USERS, JOHN)

    assert response.status_code == 502
    assert error(response)["details"]["service_name"] == "validation"


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_a_stranger_has_to_say_who_it_is(john, nobody, method):
    response = getattr(nobody, method)(at(john))

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("get", ""),
        ("put", ""),
        ("patch", ""),
        ("delete", ""),
        ("get", "profile/"),
        ("put", "profile/"),
        ("post", "deactivate/"),
    ],
)
def test_somebody_elses_account_does_not_exist(john, as_mary, method, rest):
    body = {} if method == "get" else JOHN

    response = getattr(as_mary, method)(at(john, rest), body)

    assert response.status_code == 404
    assert User.objects.filter(username="john", is_active=True).exists()


@pytest.mark.parametrize("path", [USERS, "/api/v1/users/{}/activate/"])
def test_what_only_staff_may_do_is_forbidden_to_users(john, as_john, path):
    call = as_john.get if path == USERS else as_john.post

    assert call(path.format(john.pk)).status_code == 403


def test_users_see_themselves(john, as_john):
    response = as_john.get(at(john))

    assert response.status_code == 200
    assert response.json().keys() == SHAPE


def test_the_orders_service_sees_a_user_and_may_change_nothing(john):
    orders = as_service(APIClient(), "orders")

    assert orders.get(at(john)).json()["is_active"] is True
    assert orders.delete(at(john)).status_code == 403
    assert orders.get(USERS).status_code == 403


def test_another_service_sees_nobody(john):
    assert as_service(APIClient(), "users").get(at(john)).status_code == 403


@pytest.mark.parametrize("key", ["0", "999999999999999999999999", "john", "-1"])
def test_an_id_of_nobody_is_not_found(as_staff, key):
    assert as_staff.get(f"{USERS}{key}/").status_code == 404


def test_a_put_replaces_all_names(john, as_john):
    User.objects.update(last_name="Doe")

    response = as_john.put(at(john), {"username": "johnny", "email": "j@example.com"})

    assert response.status_code == 200
    assert (response.json()["username"], response.json()["last_name"]) == ("johnny", "")


def test_a_patch_leaves_the_other_names_alone(john, as_john):
    User.objects.update(last_name="Doe")

    response = as_john.patch(at(john), {"first_name": "Jack"})

    assert response.status_code == 200
    assert (response.json()["first_name"], response.json()["last_name"]) == ("Jack", "Doe")


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_change_to_a_taken_address_breaks_a_rule(john, mary, as_john, method):
    body = {"username": "john", "email": "MARY@example.com"}

    response = getattr(as_john, method)(at(john), body)

    assert response.status_code == 422
    assert error(response)["details"]["business_rule"] == "unique_email"


@pytest.mark.parametrize("field", ["is_staff", "is_active", "password"])
def test_a_change_cannot_write_what_is_not_a_name(john, as_john, field):
    response = as_john.patch(at(john), {field: True})

    assert response.status_code == 400
    assert error(response)["details"]["field_errors"].keys() == {field}


def test_users_may_leave(john, as_john):
    assert as_john.delete(at(john)).status_code == 204
    assert not User.objects.exists()


def test_users_deactivate_themselves_and_staff_activates_them(john, as_john, as_staff):
    assert as_john.post(at(john, "deactivate/")).json()["is_active"] is False
    assert as_staff.post(at(john, "activate/")).json()["is_active"] is True


def test_a_profile_is_read_changed_and_read_back(john, as_john):
    body = {**as_john.get(at(john, "profile/")).json(), "country": "DE", "phone": "+4930123456"}

    response = as_john.put(at(john, "profile/"), body)

    assert response.status_code == 200
    assert as_john.get(at(john, "profile/")).json() == body


@pytest.mark.parametrize(
    "wrong",
    [{"phone": "030"}, {"country": "de"}, {"birth_date": "2999-01-01"}, {"mood": "good"}],
)
def test_a_profile_refuses_what_it_cannot_mean(john, as_john, wrong):
    response = as_john.put(at(john, "profile/"), wrong)

    assert response.status_code == 400
    assert error(response)["details"]["field_errors"].keys() == wrong.keys()


def test_staff_lists_users_in_pages(john, mary, as_staff):
    response = as_staff.get(USERS, {"page_size": 2})

    assert names(response) == ["john", "mary"]
    assert response.json()["pagination"]["count"] == 3


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"is_active": "false"}, ["mary"]),
        ({"username": "JOHN"}, ["john"]),
        ({"email": "Mary@example.com"}, ["mary"]),
        ({"created_after": "2099-01-01T00:00:00Z"}, []),
        ({"created_before": "2099-01-01T00:00:00Z", "ordering": "-username"}, None),
    ],
)
def test_staff_narrows_the_list_down(john, mary, as_staff, query, expected):
    User.objects.filter(username="mary").update(is_active=False)

    assert names(as_staff.get(USERS, query)) == (
        ["operator", "mary", "john"] if expected is None else expected
    )


@pytest.mark.parametrize(
    "query",
    [
        {"password": "x"},
        {"ordering": "password"},
        {"is_active": "perhaps"},
        {"page": 0},
        {"page": "1e9"},
        {"username": "\x00"},
        {"created_after": "0001-01-01T00:00:00+14:00"},
        {"created_before": "9999-12-31T23:59:59-14:00"},
    ],
)
def test_a_question_that_is_not_offered_is_refused(as_staff, query):
    assert as_staff.get(USERS, query).status_code in {400, 404}


@pytest.mark.parametrize("zone", ["+19:13", "-23:59", "Z"])
def test_a_moment_may_be_told_in_any_time_zone(john, as_staff, zone):
    query = {"created_after": f"2001-01-01T00:00:00{zone}"}

    assert sorted(names(as_staff.get(USERS, query))) == ["john", "operator"]


@pytest.mark.parametrize("ordering", ["id", "username", "email", "created_at"])
def test_the_list_is_sorted_by_each_of_the_offered_fields(john, mary, as_staff, ordering):
    up = names(as_staff.get(USERS, {"ordering": ordering}))
    down = names(as_staff.get(USERS, {"ordering": f"-{ordering}"}))

    assert up == down[::-1]


def test_the_list_takes_two_queries_however_long_it_is(person, as_staff, django_assert_num_queries):
    for number in range(10):
        person(f"user{number}")

    with django_assert_num_queries(2):
        as_staff.get(USERS)


def test_a_login_and_what_follows(john, nobody):
    login = nobody.post("/api/v1/auth/token/", {"username": "john", "password": PASSWORD})
    again = nobody.post("/api/v1/auth/refresh/", {"refresh": login.json()["refresh"]})
    access = again.json()["access"]

    seen = nobody.get(at(john), headers={"Authorization": f"Bearer {access}"})

    assert login["Cache-Control"] == "no-store"
    assert login.json().keys() == {"access", "refresh", "token_type", "expires_in"}
    assert seen.status_code == 200


def test_a_logout_ends_the_login(john, nobody):
    login = nobody.post("/api/v1/auth/token/", {"username": "john", "password": PASSWORD})
    body = {"refresh": login.json()["refresh"]}

    assert nobody.post("/api/v1/auth/revoke/", body).status_code == 204
    assert nobody.post("/api/v1/auth/refresh/", body).status_code == 401


def test_a_refresh_is_repeated_with_its_key_and_with_no_other(john, nobody):
    login = nobody.post("/api/v1/auth/token/", {"username": "john", "password": PASSWORD})
    body = {"refresh": login.json()["refresh"]}

    answers = [
        nobody.post("/api/v1/auth/refresh/", body, headers={"Idempotency-Key": key})
        for key in (KEY, f'"{KEY.upper()}"', OTHER_KEY)
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert answers[1].json()["refresh"] == answers[0].json()["refresh"]


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb", "1", "k" * 36, KEY[:-1], f"{KEY}0"])
def test_a_refresh_with_a_key_that_is_none_uses_nothing_up(john, nobody, key):
    login = nobody.post("/api/v1/auth/token/", {"username": "john", "password": PASSWORD})
    body = {"refresh": login.json()["refresh"]}

    wrong = nobody.post("/api/v1/auth/refresh/", body, headers={"Idempotency-Key": key})

    assert wrong.status_code == 400
    assert error(wrong)["details"]["field_errors"].keys() == {"Idempotency-Key"}
    assert nobody.post("/api/v1/auth/refresh/", body).status_code == 200


def test_a_key_that_can_be_guessed_is_refused_with_what_is_expected_and_not_repeated(nobody):
    wrong = nobody.post(
        "/api/v1/auth/refresh/", {"refresh": "x"}, headers={"Idempotency-Key": "hunter2"}
    )

    (why,) = error(wrong)["details"]["field_errors"]["Idempotency-Key"]
    assert why.startswith("These 7 characters are no UUID: send a random one")
    assert "hunter2" not in wrong.content.decode()


def test_refused_logins_cannot_be_told_apart(john, person, nobody):
    person("idle", password=PASSWORD, is_active=False)
    attempts = [("john", "wrong"), ("nobody", PASSWORD), ("idle", PASSWORD)]

    answers = [
        nobody.post("/api/v1/auth/token/", {"username": name, "password": password})
        for name, password in attempts
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert (
        len({(error(a)["code"], error(a)["message"], str(error(a)["details"])) for a in answers})
        == 1
    )


def test_the_published_key_is_public_only(nobody):
    (key,) = nobody.get("/.well-known/jwks.json").json()["keys"]

    assert key["crv"] == "P-256"
    assert "d" not in key


def test_the_contract_shows_every_door_with_an_example(nobody):
    paths = nobody.get("/openapi.json").json()["paths"]

    doors = [path for path in paths if path.startswith("/api/")]
    assert sorted(doors) == [
        "/api/v1/auth/refresh/",
        "/api/v1/auth/revoke/",
        "/api/v1/auth/token/",
        "/api/v1/users/",
        "/api/v1/users/{id}/",
        "/api/v1/users/{id}/activate/",
        "/api/v1/users/{id}/deactivate/",
        "/api/v1/users/{id}/profile/",
    ]
    created = paths["/api/v1/users/"]["post"]
    assert created["requestBody"]["content"]["application/json"]["examples"]
    assert {"201", "400", "422"} <= created["responses"].keys()


def test_the_metrics_of_the_business_are_told(john, nobody):
    told = nobody.get("/metrics").content.decode()

    assert "user_registrations_total" in told
    assert "active_users 1.0" in told
