from __future__ import annotations

import pytest

from quintet.errors import BusinessLogicException
from quintet.testing.downstream import Downstream
from quintet.wire import Request


@pytest.fixture
def downstream():
    return Downstream()


def sent(downstream, method, target, *, service="users", body=None):
    return downstream.send(
        Request(
            service=service,
            method=method,
            base_url="http://users",
            target=target,
            body=body,
            timeout_seconds=1.0,
        )
    )


def test_an_answer_is_found_by_service_method_and_path(downstream):
    downstream.answer("users", "GET", "/users/{id}/", json={"id": 7})

    assert sent(downstream, "GET", "/users/7/?full=1").body == b'{"id":7}'


@pytest.mark.parametrize(
    ("method", "target", "service"),
    [
        ("POST", "/users/7/", "users"),
        ("GET", "/users/7/", "orders"),
        ("GET", "/users/7/profile/", "users"),
        ("GET", "/users//", "users"),
        ("GET", "/usersX7/", "users"),
    ],
)
def test_a_request_that_nobody_expected_cannot_pass_unnoticed(downstream, method, target, service):
    downstream.answer("users", "GET", "/users/{id}/")

    with pytest.raises(LookupError, match="Nobody expected"):
        sent(downstream, method, target, service=service)


def test_the_last_answer_for_a_path_wins(downstream):
    downstream.answer("users", "GET", "/a/", json=1)
    downstream.answer("users", "GET", "/a/", json=2)

    assert sent(downstream, "GET", "/a/").body == b"2"


def test_an_answer_can_depend_on_the_request(downstream):
    downstream.answer("users", "POST", "/a/", json=lambda call: call.json | call.params)

    assert sent(downstream, "POST", "/a/?b=c", body=b'{"x":1}').body == b'{"x":1,"b":["c"]}'


def test_an_answer_without_a_body_has_the_status_that_says_so(downstream):
    downstream.answer("users", "DELETE", "/a/")
    downstream.answer("users", "POST", "/a/", status=202)

    statuses = [sent(downstream, method, "/a/").status for method in ("DELETE", "POST")]

    assert statuses == [204, 202]


def test_a_failure_is_the_envelope_of_the_error(downstream):
    error = BusinessLogicException("No more.", business_rule="out_of_stock")
    downstream.fail("products", "POST", "/a/", error=error, status=422)

    answer = sent(downstream, "POST", "/a/", service="products")

    assert answer.status == 422
    assert b'"business_rule":"out_of_stock"' in answer.body
    assert b'"service":"products"' in answer.body


def test_what_was_asked_can_be_looked_up(downstream):
    downstream.answer("users", "GET", "/users/{id}/")
    downstream.answer("users", "POST", "/users/")
    sent(downstream, "GET", "/users/7/")
    sent(downstream, "POST", "/users/", body=b"{}")

    assert [call.path for call in downstream.asked("users")] == ["/users/7/", "/users/"]
    assert [call.json for call in downstream.asked("users", "POST")] == [{}]
    assert [call.json for call in downstream.asked("users", "GET", "/users/{id}/")] == [None]
    assert downstream.asked("orders") == []
