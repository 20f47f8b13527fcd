"""A service dies, hangs or comes back: what the customer is told, and that it all heals."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import people
import psutil
import pytest
from gateway import PROBLEM
from shapes import SHAPES, assert_envelope, assert_problem
from system import until

pytestmark = pytest.mark.usefixtures("conserved")

PRODUCTS = "/api/v1/products/"


@pytest.fixture(params=SHAPES)
def shape(request):
    return SHAPES[request.param]


def placed(shopper, product, accept):
    body = {"lines": [{"product_id": product, "quantity": 1}], "payment_method": "card-ok"}
    return shopper.ask("POST", "/api/v1/orders/", body, headers={"Accept": accept})


def test_a_service_that_is_gone_is_a_bad_gateway(system, gateway, shape):
    accept, assert_shape = shape

    with system.dead("products"):
        answer = gateway.ask("GET", PRODUCTS, headers={"Accept": accept})

    assert_shape(answer, 502, "EXTERNAL_SERVICE_ERROR", "gateway")
    assert gateway.ask("GET", PRODUCTS).status == 200


def test_an_order_says_which_service_is_not_there(system, shopper, operator, lamp, shape):
    accept, assert_shape = shape

    with system.dead("payments"):
        answer = placed(shopper, lamp, accept)

    assert_shape(answer, 503, "SERVICE_UNAVAILABLE", "orders")
    system.manage("orders", "resume_orders", "--age-seconds=0")
    assert operator.ask("GET", f"{PRODUCTS}{lamp}/").json["stock"] == 5


def test_an_order_does_not_wait_for_ever(system, shopper, operator, lamp, shape):
    accept, assert_shape = shape

    with system.frozen("payments"):
        answer = placed(shopper, lamp, accept)

    assert_shape(answer, 504, "DEADLINE_EXCEEDED", "orders")
    system.manage("orders", "resume_orders", "--age-seconds=0")
    orders = shopper.ask("GET", "/api/v1/orders/").json["results"]
    assert [order["status"] for order in orders] == ["failed"]
    assert operator.ask("GET", f"{PRODUCTS}{lamp}/").json["stock"] == 5


def test_a_frozen_service_is_a_gateway_timeout(system, gateway):
    with system.frozen("products"), ThreadPoolExecutor() as both:
        envelope = both.submit(gateway.ask, "GET", PRODUCTS)
        problem = both.submit(gateway.ask, "GET", PRODUCTS, headers={"Accept": PROBLEM})

    assert_envelope(envelope.result(), 504, "DEADLINE_EXCEEDED", "gateway")
    assert_problem(problem.result(), 504, "DEADLINE_EXCEEDED", "gateway")


def test_nobody_registers_while_nobody_judges(system, gateway, shape):
    accept, assert_shape = shape

    with system.dead("validation"):
        answer = gateway.ask(
            "POST", "/api/v1/users/", people.somebody(), headers={"Accept": accept}
        )

    assert_shape(answer, 503, "SERVICE_UNAVAILABLE", "users")


def test_a_killed_service_is_started_again(system, shopper, lamp):
    killed = system.unit("orders")

    os.killpg(killed["pid"], signal.SIGKILL)

    until(lambda: system.unit("orders")["pid"] not in {killed["pid"], None})
    until(system.is_whole)
    assert shopper.order(lamp).status == 201


def test_a_killed_worker_is_replaced(system, gateway):
    master = psutil.Process(system.unit("products")["pid"])
    workers = master.children()

    workers[0].kill()

    until(lambda: gateway.ask("GET", PRODUCTS).status == 200)
    assert system.unit("products")["pid"] == master.pid


def test_an_order_that_was_cut_off_is_finished(system, shopper, operator, lamp):
    """The order waits for a slow card when its service is killed; nothing of it is left behind."""
    doomed = system.unit("orders")["pid"]
    with ThreadPoolExecutor() as other:
        waiting = other.submit(shopper.order, lamp, method="card-slow")
        until(lambda: operator.ask("GET", f"{PRODUCTS}{lamp}/").json["stock"] == 4)
        os.killpg(doomed, signal.SIGKILL)

    until(system.is_whole)
    system.manage("orders", "resume_orders", "--age-seconds=0")
    orders = shopper.ask("GET", "/api/v1/orders/").json["results"]
    assert waiting.result().status == 502
    assert [order["status"] for order in orders] == ["failed"]
    assert operator.ask("GET", f"{PRODUCTS}{lamp}/").json["stock"] == 5
    timeline = shopper.ask("GET", f"/api/v1/orders/{orders[0]['id']}/timeline/").json
    *begun, undoing, failed = [(step["status"], step["resumed"]) for step in timeline["steps"]]
    assert begun[:2] == [("placed", False), ("verified", False)]
    assert not any(resumed for _, resumed in begun)
    assert (undoing, failed) == (("undoing", True), ("failed", True))


def test_what_was_stored_survives_down_and_up(system, gateway, lamp):
    before = gateway.ask("GET", f"{PRODUCTS}{lamp}/").json

    system.down()
    system.up()

    assert system.gateway().ask("GET", f"{PRODUCTS}{lamp}/").json == before
