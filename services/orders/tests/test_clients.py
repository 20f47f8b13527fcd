"""What the other services are asked, and what becomes of answers that orders cannot use."""

from __future__ import annotations

import pytest

from orders.clients import PaymentsClient, ProductsClient, UsersClient
from quintet.errors import (
    AuthenticationException,
    BusinessLogicException,
    ConflictException,
    ExternalServiceException,
    NotFoundException,
    PermissionException,
    RateLimitException,
    UnavailableException,
    ValidationException,
)

RESERVED = {
    "reference": "r",
    "lines": [{"product_id": 1, "name": "Lamp", "unit_price_amount": 5, "quantity": 2}],
    "total_amount": 10,
    "currency": "EUR",
}


USER = ("users", "GET", "/api/v1/users/{id}/")
RESERVE = ("products", "POST", "/internal/v1/reservations/")
COMMIT = ("products", "POST", "/internal/v1/reservations/{reference}/commit/")
AUTHORISE = ("payments", "POST", "/internal/v1/payments/")
CAPTURE = ("payments", "POST", "/internal/v1/payments/{reference}/capture/")
VOID = ("payments", "POST", "/internal/v1/payments/{reference}/void/")
REFUND = ("payments", "POST", "/internal/v1/payments/{reference}/refund/")


def test_a_user_is_asked_for_by_number(downstream):
    downstream.answer(*USER, json={"id": 7, "is_active": True})

    assert UsersClient().shopper(7).is_active

    assert [call.path for call in downstream.calls] == ["/api/v1/users/7/"]


def test_a_user_who_is_gone_is_not_active(downstream):
    downstream.fail(*USER, error=NotFoundException(), status=404)

    assert not UsersClient().shopper(7).is_active


def test_a_reservation_is_asked_for_and_read(downstream):
    downstream.answer(*RESERVE, json=RESERVED, status=201)

    made = ProductsClient().reserve("r", {1: 2})

    assert (made.total_amount, made.currency, made.lines[1].name) == (10, "EUR", "Lamp")
    assert downstream.calls[0].json == {
        "reference": "r",
        "lines": [{"product_id": 1, "quantity": 2}],
    }


def test_an_unknown_product_is_a_rule_of_orders(downstream):
    downstream.fail(*RESERVE, error=NotFoundException(), status=404)

    with pytest.raises(BusinessLogicException) as raised:
        ProductsClient().reserve("r", {1: 2})

    assert raised.value.business_rule == "unknown_product"


@pytest.mark.parametrize(
    "change",
    [
        {"lines": []},
        {"lines": "nothing"},
        {"lines": [{"product_id": "1"}]},
        {"total_amount": "10"},
        {"total_amount": True},
        {"total_amount": 11},
        {"total_amount": 2**63},
        {"currency": None},
        {"currency": "EURO"},
        {"lines": [{**RESERVED["lines"][0], "unit_price_amount": -5}], "total_amount": -10},
        {"lines": [{**RESERVED["lines"][0], "name": "a" * 256}]},
        {"lines": [{**RESERVED["lines"][0], "name": "\x00"}]},
    ],
)
def test_a_reservation_that_makes_no_sense_is_the_fault_of_products(downstream, change):
    downstream.answer(*RESERVE, json=RESERVED | change)

    with pytest.raises(ExternalServiceException, match="products"):
        ProductsClient().reserve("r", {1: 2})


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ValidationException("No.")),
        (401, AuthenticationException()),
        (403, PermissionException()),
        (404, NotFoundException()),
        (409, ConflictException("No.")),
        (429, RateLimitException("No.")),
    ],
)
def test_a_quarrel_between_services_is_not_blamed_on_the_shopper(downstream, status, error):
    downstream.fail(*CAPTURE, error=error, status=status)

    with pytest.raises(ExternalServiceException, match="payments"):
        PaymentsClient().capture("r")


def test_a_payment_that_cannot_be_is_a_rule_of_orders(downstream):
    downstream.fail(*AUTHORISE, error=ValidationException("No.", {"amount": ["Huge."]}), status=400)

    with pytest.raises(BusinessLogicException) as raised:
        PaymentsClient().authorise("r", user_id=7, amount=10**18, currency="EUR", method="card-ok")

    assert raised.value.business_rule == "payment_not_accepted"


def test_a_service_that_is_away_is_said_to_be_away(downstream):
    downstream.fail(*CAPTURE, error=UnavailableException("No."), status=503)

    with pytest.raises(UnavailableException):
        PaymentsClient().capture("r")


@pytest.mark.parametrize("answer", [None, {}, {"status": "authorising"}, {"status": "declined"}])
@pytest.mark.parametrize(("door", "deed"), [(AUTHORISE, "authorise"), (CAPTURE, "capture")])
def test_money_counts_only_when_payments_says_so(downstream, door, deed, answer):
    downstream.answer(*door, json=answer)
    wanted = {"user_id": 7, "amount": 10, "currency": "EUR", "method": "card-ok"}

    with pytest.raises(ExternalServiceException, match="payments"):
        getattr(PaymentsClient(), deed)("r", **(wanted if deed == "authorise" else {}))


def test_goods_are_handed_over_only_when_products_says_so(downstream):
    downstream.answer(*COMMIT, json={"status": "reserved"})

    with pytest.raises(ExternalServiceException, match="products"):
        ProductsClient().commit("r")


def test_money_that_was_taken_is_refunded(downstream):
    downstream.fail(*VOID, error=ConflictException("Captured."), status=409)
    downstream.answer(*REFUND, json={})

    PaymentsClient().give_back("r")

    assert [call.path for call in downstream.calls] == [
        "/internal/v1/payments/r/void/",
        "/internal/v1/payments/r/refund/",
    ]


def test_goods_that_are_no_longer_reserved_cannot_be_committed(downstream):
    downstream.fail(*COMMIT, error=ConflictException("Released."), status=409)

    with pytest.raises(BusinessLogicException, match="no longer"):
        ProductsClient().commit("r")
