"""What everybody, staff and the orders service get at each door."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command

from products import domain
from products.models import Product, Reservation
from quintet.testing import Api

PRODUCTS = "/api/v1/products/"
RESERVATIONS = "/internal/v1/reservations/"
LAMP = {
    "sku": "LAMP-01",
    "name": "Lamp",
    "description": "It shines.",
    "price_amount": 1999,
    "currency": "EUR",
    "stock": 10,
    "is_active": True,
}
PLAIN = {name: value for name, value in LAMP.items() if name != "stock"}


@pytest.fixture
def staff(db):
    """Somebody who fills the shelves."""
    return Api().as_staff()


@pytest.fixture
def orders(db):
    """The orders service."""
    return Api().as_service("orders")


@pytest.fixture
def hidden(make):
    """Something that is not for sale."""
    return make("OLD-01", name="Old lamp", is_active=False)


def at(product, rest=""):
    return f"{PRODUCTS}{product.pk}/{rest}"


def reserving(reference="order-1", **quantities):
    lines = [{"product_id": int(key[1:]), "quantity": n} for key, n in quantities.items()]
    return {"reference": reference, "lines": lines}


def rule(response):
    return response.json()["error"]["details"]["business_rule"]


def skus(query="", client=None):
    response = (client or Api()).get(f"{PRODUCTS}?{query}")
    assert response.status_code == 200, response.content
    return [row["sku"] for row in response.json()["results"]]


def test_everybody_sees_the_catalogue(lamp, rug, hidden):
    assert skus() == ["LAMP-01", "RUG-01"]


def test_a_product_has_one_shape_everywhere(lamp, staff):
    made = staff.post(PRODUCTS, {**LAMP, "sku": "LAMP-02"}).json()

    assert set(made) == {*LAMP, "id", "created_at", "updated_at"}
    assert Api().get(f"{PRODUCTS}{made['id']}/").json() == made
    assert set(Api().get(PRODUCTS).json()["results"][0]) == set(made)


def test_what_is_not_for_sale_exists_for_staff_only(hidden, staff):
    assert Api().get(at(hidden)).status_code == 404
    assert staff.get(at(hidden)).json()["is_active"] is False
    assert skus(client=staff) == ["OLD-01"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=lamp", ["LAMP-01"]),
        ("search=persian", ["RUG-01"]),
        ("search=rug-01", ["RUG-01"]),
        ("search=persian%20rug", ["RUG-01"]),
        ("search=persian%20lamp", []),
        ("min_price=2000", ["RUG-01"]),
        ("max_price=2000", ["LAMP-01"]),
        ("min_price=1999&max_price=12900", ["LAMP-01", "RUG-01"]),
        ("currency=EUR", ["LAMP-01", "RUG-01"]),
        ("currency=USD", []),
        ("in_stock=true", ["LAMP-01"]),
        ("in_stock=false", ["RUG-01"]),
        ("ordering=-price_amount", ["RUG-01", "LAMP-01"]),
        ("ordering=name", ["LAMP-01", "RUG-01"]),
        ("page_size=1&page=2", ["RUG-01"]),
    ],
)
def test_the_catalogue_can_be_searched(lamp, make, query, found):
    make("RUG-01", name="Rug", description="Persian.", price_amount=12_900, stock=0)

    assert skus(query) == found


@pytest.mark.parametrize(
    "query",
    [
        "is_active=false",
        "price=1",
        "currency=XXX",
        "min_price=cheap",
        "min_price=19.99",
        "min_price=-1e9",
        "max_price=1e9",
        f"max_price={10**12 + 1}",
        "ordering=stock",
        "page=0",
        "page=1e9",
        f"page={10**30}",
        "search=%00",
        "currency=%00",
        "in_stock=%00",
    ],
)
def test_a_question_that_nobody_understands_is_refused(db, query):
    assert Api().get(f"{PRODUCTS}?{query}").status_code == 400


def test_staff_may_ask_for_what_is_not_for_sale(lamp, hidden, staff):
    assert skus("is_active=false", staff) == ["OLD-01"]
    assert skus("is_active=true", staff) == ["LAMP-01"]


def test_staff_adds_a_product(staff):
    made = staff.post(PRODUCTS, LAMP)

    assert made.status_code == 201
    assert made.json().items() >= LAMP.items()


def test_a_product_needs_little(staff):
    needed = {name: LAMP[name] for name in ("sku", "name", "price_amount", "currency")}

    made = staff.post(PRODUCTS, needed).json()

    assert (made["stock"], made["is_active"], made["description"]) == (0, True, "")


def test_a_sku_that_exists_breaks_a_rule(staff, lamp, rug):
    assert rule(staff.post(PRODUCTS, {**LAMP, "sku": "lamp-01"})) == "unique_sku"
    assert rule(staff.patch(at(rug), {"sku": "LAMP-01"})) == "unique_sku"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sku", ""),
        ("sku", "with space"),
        ("sku", "A" * 65),
        ("name", ""),
        ("name", "nul\x00"),
        ("price_amount", 0),
        ("price_amount", 19.99),
        ("price_amount", 10**12 + 1),
        ("currency", "eur"),
        ("currency", "XXX"),
        ("stock", -1),
        ("stock", 10**6 + 1),
        ("colour", "red"),
    ],
)
def test_a_product_that_cannot_be_is_refused(staff, field, value):
    refused = staff.post(PRODUCTS, {**LAMP, field: value})

    assert refused.status_code == 400
    assert list(refused.json()["error"]["details"]["field_errors"]) == [field]


def test_a_product_is_changed_in_part_and_in_full(staff, lamp):
    cheaper = staff.patch(at(lamp), {"price_amount": 1499})
    replaced = staff.put(at(lamp), {**PLAIN, "name": "Bright lamp"})

    assert (cheaper.status_code, cheaper.json()["price_amount"]) == (200, 1499)
    assert cheaper.json()["name"] == "Lamp"
    assert (replaced.json()["price_amount"], replaced.json()["name"]) == (1999, "Bright lamp")


@pytest.mark.parametrize("method", ["put", "patch"])
def test_the_stock_is_not_changed_by_hand(staff, lamp, method):
    refused = getattr(staff, method)(at(lamp), LAMP)

    assert list(refused.json()["error"]["details"]["field_errors"]) == ["stock"]
    assert Product.objects.get().stock == 10


def test_a_product_is_deleted_or_taken_off_sale(staff, lamp, rug):
    domain.reserve("order-1", {rug.pk: 1})

    assert staff.delete(at(lamp)).status_code == 204
    assert staff.delete(at(rug)).status_code == 204
    assert staff.get(at(lamp)).status_code == 404
    assert staff.get(at(rug)).json()["is_active"] is False


def test_a_delivery_is_booked_once(staff, lamp):
    delivery = {"quantity": 5, "reference": "d-1"}

    for _ in range(2):
        booked = staff.post(at(lamp, "restock/"), delivery)

    assert (booked.status_code, booked.json()["stock"]) == (200, 15)
    assert staff.post(at(lamp, "restock/"), {**delivery, "quantity": 6}).status_code == 409


@pytest.mark.parametrize("wrong", [{"quantity": 0}, {"reference": ""}, {"reference": "a\n"}])
def test_a_delivery_that_cannot_be_is_refused(staff, lamp, wrong):
    body = {"quantity": 5, "reference": "d-1", **wrong}

    assert staff.post(at(lamp, "restock/"), body).status_code == 400


@pytest.mark.parametrize(
    ("method", "rest"),
    [("post", None), ("put", ""), ("patch", ""), ("delete", ""), ("post", "restock/")],
)
def test_only_staff_fills_the_shelves(lamp, orders, method, rest):
    target = PRODUCTS if rest is None else at(lamp, rest)

    for stranger, status in ((Api(), 401), (Api().as_user(7), 403), (orders, 403)):
        assert getattr(stranger, method)(target, LAMP).status_code == status


def test_a_number_beyond_all_numbers_is_no_product(db):
    assert Api().get(f"{PRODUCTS}{2**70}/").status_code == 404


def test_goods_are_reserved_once_and_answered_twice(orders, lamp):
    body = reserving(**{f"p{lamp.pk}": 2})

    made, again = orders.post(RESERVATIONS, body), orders.post(RESERVATIONS, body)

    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json() == orders.get(f"{RESERVATIONS}order-1/").json()
    assert {k: v for k, v in made.json().items() if k != "expires_at"} == {
        "reference": "order-1",
        "status": "reserved",
        "lines": [
            {
                "product_id": lamp.pk,
                "quantity": 2,
                "unit_price_amount": 1999,
                "currency": "EUR",
                "name": "Lamp",
            }
        ],
        "total_amount": 3998,
        "currency": "EUR",
    }


def test_goods_are_handed_over_and_taken_back_over_http(orders, lamp):
    orders.post(RESERVATIONS, reserving(**{f"p{lamp.pk}": 2}))

    committed = orders.post(f"{RESERVATIONS}order-1/commit/")
    released = orders.post(f"{RESERVATIONS}order-1/release/")

    assert (committed.status_code, committed.json()["status"]) == (200, "committed")
    assert (released.status_code, released.json()["status"]) == (200, "released")
    assert orders.post(f"{RESERVATIONS}order-1/commit/").status_code == 409
    assert Product.objects.get().stock == 10


def test_a_release_bars_a_late_reservation(orders, lamp):
    released = orders.post(f"{RESERVATIONS}order-1/release/")

    assert (released.json()["status"], released.json()["lines"]) == ("released", [])
    assert orders.post(RESERVATIONS, reserving(**{f"p{lamp.pk}": 2})).status_code == 409


def test_each_refusal_says_why(orders, lamp, hidden, make):
    foreign = make("US-1", currency="USD")

    def refused(**quantities):
        return orders.post(RESERVATIONS, reserving(**quantities))

    assert rule(refused(**{f"p{lamp.pk}": 11})) == "out_of_stock"
    assert rule(refused(**{f"p{hidden.pk}": 1})) == "product_inactive"
    assert rule(refused(**{f"p{lamp.pk}": 1, f"p{foreign.pk}": 1})) == "single_currency"
    assert refused(p999999=1).status_code == 404


def test_other_goods_need_another_reference(orders, lamp):
    orders.post(RESERVATIONS, reserving(**{f"p{lamp.pk}": 2}))

    assert orders.post(RESERVATIONS, reserving(**{f"p{lamp.pk}": 3})).status_code == 409


@pytest.mark.parametrize("name", ["commit/", ""])
def test_an_unknown_reservation_is_a_404(orders, name):
    method = orders.post if name else orders.get

    assert method(f"{RESERVATIONS}order-1/{name}").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"reference": "has space"},
        {"reference": "a" * 65},
        {"reference": "a\n"},
        {"lines": []},
        {"lines": [{"product_id": 1, "quantity": 0}]},
        {"lines": [{"product_id": 2**63, "quantity": 1}]},
        {"lines": [{"product_id": 1, "quantity": 1}] * 2},
        {"lines": [{"product_id": 1, "quantity": 1, "price": 1}]},
        {"lines": [{"product_id": n, "quantity": 1} for n in range(1, 102)]},
        {"currency": "EUR"},
    ],
)
def test_a_reservation_that_cannot_be_is_refused(orders, lamp, wrong):
    body = {"reference": "a", "lines": [{"product_id": lamp.pk, "quantity": 1}], **wrong}

    assert orders.post(RESERVATIONS, body).status_code == 400
    assert not Reservation.objects.exists()


def test_a_reference_that_cannot_be_is_no_route(orders):
    assert orders.post(f"{RESERVATIONS}no%20reference/release/").status_code == 404
    assert not Reservation.objects.exists()


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("post", RESERVATIONS),
        ("get", f"{RESERVATIONS}a/"),
        ("post", f"{RESERVATIONS}a/commit/"),
        ("post", f"{RESERVATIONS}a/release/"),
    ],
)
def test_only_the_orders_service_moves_goods(db, method, target):
    for stranger, status in (
        (Api(), 401),
        (Api().as_user(7), 403),
        (Api().as_staff(), 403),
        (Api().as_service("users"), 403),
    ):
        assert getattr(stranger, method)(target, {}).status_code == status
    assert not Reservation.objects.exists()


def test_a_list_costs_two_queries_however_long_it_is(make, django_assert_num_queries):
    for number in range(12):
        make(f"SKU-{number}")

    with django_assert_num_queries(2):
        skus()


def test_the_document_describes_every_door_without_a_warning(capsys):
    call_command("spectacular", format="openapi-json", validate=True, fail_on_warn=True)

    document = json.loads(capsys.readouterr().out)
    assert set(document["paths"]) >= {
        PRODUCTS,
        f"{PRODUCTS}{{id}}/",
        f"{PRODUCTS}{{id}}/restock/",
        RESERVATIONS,
        f"{RESERVATIONS}{{reference}}/",
        f"{RESERVATIONS}{{reference}}/commit/",
        f"{RESERVATIONS}{{reference}}/release/",
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            for body in operation.get("requestBody", {}).get("content", {}).values():
                assert body["examples"]


def test_the_service_passes_its_own_checks(db):
    call_command("check", fail_level="WARNING")
