"""What users, staff, the orders service and strangers get at each door."""

from __future__ import annotations

import json
import logging

import pytest
from cards import reference
from django.core.management import call_command

from payments import domain
from payments.clients import Deed
from payments.models import Payment
from quintet.testing import Api

INTERNAL = "/internal/v1/payments/"
PUBLIC = "/api/v1/payments/"
BODY = {
    "reference": "order-1",
    "user_id": 7,
    "amount": 3998,
    "currency": "EUR",
    "method": "card-ok",
}
CARD = "4111111111111111"


@pytest.fixture
def orders(db):
    """The orders service."""
    return Api().as_service("orders")


@pytest.fixture
def owner(db):
    """The user whose money it is."""
    return Api().as_user(7)


def step(orders, name, body=None):
    return orders.post(f"{INTERNAL}order-1/{name}/", body)


def rule(response):
    return response.json()["error"]["details"]["business_rule"]


def test_an_authorisation_is_made_once_and_answered_twice(orders):
    made, again = orders.post(INTERNAL, BODY), orders.post(INTERNAL, BODY)

    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json()
    assert made.json().items() >= {**BODY, "status": "authorised", "captured_amount": 0}.items()


def test_money_is_taken_and_returned_over_http(orders):
    orders.post(INTERNAL, BODY)

    taken, returned = step(orders, "capture"), step(orders, "refund")

    assert (taken.status_code, taken.json()["status"]) == (200, "captured")
    assert (returned.json()["status"], returned.json()["refunded_amount"]) == ("refunded", 3998)
    assert orders.get(f"{INTERNAL}order-1/").json() == returned.json()


def test_a_part_is_returned_over_http(orders):
    orders.post(INTERNAL, BODY)
    step(orders, "capture")

    assert rule(step(orders, "refund", {"amount": 4000})) == "refund_exceeds_captured"
    assert step(orders, "refund", {"amount": 1000}).json()["refunded_amount"] == 1000
    assert step(orders, "refund", {"amount": 1000}).status_code == 200
    assert step(orders, "refund").status_code == 409


def test_an_unknown_payment_is_voided_and_barred(orders):
    voided = step(orders, "void")

    assert (voided.status_code, voided.json()["status"]) == (200, "voided")
    assert voided.json()["amount"] is None
    assert orders.post(INTERNAL, BODY).status_code == 409


def test_a_declined_card_breaks_a_rule(orders):
    refused = orders.post(INTERNAL, {**BODY, "method": "card-declined"})

    assert (refused.status_code, rule(refused)) == (422, "payment_declined")


def test_a_silent_provider_is_a_504_and_the_next_answer_tells(orders):
    body = {**BODY, "reference": reference(Deed.AUTHORISE, lost=True), "method": "card-timeout"}

    silent, answered = orders.post(INTERNAL, body), orders.post(INTERNAL, body)

    assert (silent.status_code, silent.json()["error"]["code"]) == (504, "DEADLINE_EXCEEDED")
    assert (answered.status_code, answered.json()["status"]) == (200, "authorised")


def test_another_payment_under_the_same_reference_is_a_conflict(orders):
    orders.post(INTERNAL, BODY)

    assert orders.post(INTERNAL, {**BODY, "amount": 1}).status_code == 409


@pytest.mark.parametrize("name", ["capture", "refund"])
def test_a_step_of_an_unknown_payment_is_a_404(orders, name):
    assert step(orders, name).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reference", "has space"),
        ("reference", "1234"),
        ("reference", "a" * 65),
        ("reference", "order-1\n"),
        ("user_id", 0),
        ("amount", 0),
        ("amount", 10**18 + 1),
        ("currency", "XXX"),
        ("currency", "eur"),
        ("method", CARD),
        ("method", "card-4111-1111-1111-1111"),
        ("method", "card-ok\n"),
        ("card_number", CARD),
    ],
)
def test_a_body_that_says_something_wrong_is_refused(orders, field, value):
    refused = orders.post(INTERNAL, {**BODY, field: value})

    assert refused.status_code == 400
    assert list(refused.json()["error"]["details"]["field_errors"]) == [field]
    assert not Payment.objects.exists()


@pytest.mark.parametrize("field", ["method", "card_number", "reference"])
def test_a_card_number_is_neither_repeated_nor_logged(orders, field, caplog, capsys):
    caplog.set_level(logging.DEBUG)

    refused = orders.post(INTERNAL, {**BODY, field: CARD})

    said = capsys.readouterr()
    assert CARD not in refused.content.decode() + caplog.text + said.out + said.err


def test_a_refund_of_nothing_is_refused(orders):
    orders.post(INTERNAL, BODY)
    step(orders, "capture")

    assert step(orders, "refund", {"amount": 0}).status_code == 400
    assert step(orders, "refund", {"amout": 1}).status_code == 400


def test_a_reference_that_cannot_be_is_no_route(orders):
    assert orders.post(f"{INTERNAL}no%20reference/void/").status_code == 404
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("post", INTERNAL),
        ("get", f"{INTERNAL}order-1/"),
        ("post", f"{INTERNAL}order-1/capture/"),
        ("post", f"{INTERNAL}order-1/refund/"),
        ("post", f"{INTERNAL}order-1/void/"),
    ],
)
def test_only_the_orders_service_moves_money(owner, method, target):
    for stranger, status in (
        (Api(), 401),
        (owner, 403),
        (Api().as_staff(), 403),
        (Api().as_service("users"), 403),
    ):
        assert getattr(stranger, method)(target, BODY).status_code == status
    assert not Payment.objects.exists()


def test_users_see_their_own_payments(held, wanted, owner):
    domain.authorise(wanted("order-2", user_id=8))

    listed = owner.get(PUBLIC).json()

    assert [payment["reference"] for payment in listed["results"]] == ["order-1"]
    assert owner.get(f"{PUBLIC}order-1/").json() == listed["results"][0]


def test_a_payment_of_somebody_else_does_not_exist(held):
    assert Api().as_user(8).get(f"{PUBLIC}order-1/").status_code == 404
    assert Api().as_user(8).get(PUBLIC).json()["pagination"]["count"] == 0


def test_the_trace_of_an_early_void_belongs_to_nobody(db, owner):
    domain.void("order-1")

    assert owner.get(PUBLIC).json()["pagination"]["count"] == 0
    assert Api().as_staff().get(PUBLIC).json()["pagination"]["count"] == 1


def test_staff_sees_everybodys_payments(held, wanted):
    domain.authorise(wanted("order-2", user_id=8))
    staff = Api().as_staff()

    assert staff.get(PUBLIC).json()["pagination"]["count"] == 2
    assert staff.get(f"{PUBLIC}order-1/").status_code == 200


@pytest.mark.parametrize("target", [PUBLIC, f"{PUBLIC}order-1/"])
def test_strangers_and_services_have_no_payments(held, target):
    assert Api().get(target).status_code == 401
    assert Api().as_service("orders").get(target).status_code == 403


def test_payments_are_only_looked_at_in_public(held, owner):
    assert owner.post(PUBLIC, BODY).status_code == 405
    assert owner.delete(f"{PUBLIC}order-1/").status_code == 405


def test_payments_can_be_narrowed_down_and_ordered(held, wanted, owner):
    domain.authorise(wanted("order-2", amount=1, currency="USD"))
    domain.capture("order-2")

    def found(query):
        return [row["reference"] for row in owner.get(f"{PUBLIC}?{query}").json()["results"]]

    assert found("status=captured") == ["order-2"]
    assert found("currency=EUR") == ["order-1"]
    assert found("ordering=amount") == ["order-2", "order-1"]


@pytest.mark.parametrize("query", ["state=captured", "status=lost", "ordering=user_id"])
def test_a_question_that_nobody_understands_is_refused(owner, query):
    assert owner.get(f"{PUBLIC}?{query}").status_code == 400


def test_the_document_describes_every_door_without_a_warning(capsys):
    call_command("spectacular", format="openapi-json", validate=True, fail_on_warn=True)

    document = json.loads(capsys.readouterr().out)
    assert set(document["paths"]) >= {
        PUBLIC,
        f"{PUBLIC}{{reference}}/",
        INTERNAL,
        f"{INTERNAL}{{reference}}/capture/",
        f"{INTERNAL}{{reference}}/refund/",
        f"{INTERNAL}{{reference}}/void/",
    }
    for path, operations in document["paths"].items():
        body = operations.get("post", {}).get("requestBody")
        if body and path.startswith("/internal"):
            assert body["content"]["application/json"]["examples"]


def test_the_service_passes_its_own_checks(db):
    call_command("check", fail_level="WARNING")
