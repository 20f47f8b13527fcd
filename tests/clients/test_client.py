from __future__ import annotations

import json
import threading
import time
import uuid

import pytest

from quintet import auth, context, errors
from quintet.auth import MemoryKeySource
from quintet.clients import ServiceClient
from quintet.resilience import deadline
from quintet.settings import SettingsError
from tests.auth.forging import Issuer
from tests.wire.servers import closed_port


class UsersClient(ServiceClient):
    service = "users"

    def user(self, user_id):
        return self.get(f"/api/v1/users/{user_id}/")


@pytest.mark.parametrize(
    ("call", "method", "body"),
    [
        (lambda c: c.get("/a/", {"q": 1}), "GET", b""),
        (lambda c: c.post("/a/", {"b": 1}), "POST", b'{"b":1}'),
        (lambda c: c.post("/a/"), "POST", b""),
        (lambda c: c.put("/a/", {"b": 1}), "PUT", b'{"b":1}'),
        (lambda c: c.patch("/a/", json=[1]), "PATCH", b"[1]"),
        (lambda c: c.delete("/a/"), "DELETE", b""),
    ],
)
def test_every_method_sends_json_and_returns_json(users, call, method, body):
    answer = call(ServiceClient("users"))

    (request,) = users.requests
    assert answer == {"id": 7}
    assert (request.command, request.body) == (method, body)
    assert (request.headers["Content-Type"] == "application/json") is bool(body)
    assert request.headers["Accept"] == "application/json"


def test_parameters_are_sent_as_the_query(users):
    ServiceClient("users").get("/a/", {"q": "x y", "page": 2})

    assert users.requests[0].path == "/a/?q=x+y&page=2"


def test_a_subclass_names_its_service_once(users):
    assert UsersClient().user(7) == {"id": 7}
    assert users.requests[0].path == "/api/v1/users/7/"


def test_a_client_without_a_service_is_a_mistake():
    with pytest.raises(TypeError, match="ServiceClient"):
        ServiceClient()


def test_a_service_that_was_not_declared_is_a_mistake_that_names_the_setting():
    with pytest.raises(SettingsError, match="PAYMENTS_SERVICE_URL"):
        ServiceClient("payments").get("/")


def test_a_name_of_several_words_finds_its_setting(users, configure):
    configure(GIFT_CARDS_SERVICE_URL=users.url)

    assert ServiceClient("gift-cards").get("/") == {"id": 7}


def test_what_json_cannot_say_is_a_mistake_and_nothing_is_sent(users):
    with pytest.raises(TypeError):
        ServiceClient("users").post("/", {"x": object()})

    assert users.requests == []


def test_identifiers_are_sent_as_text(users):
    ServiceClient("users").post("/", {"reference": uuid.UUID(int=1)})

    assert json.loads(users.requests[0].body) == {"reference": str(uuid.UUID(int=1))}


@pytest.mark.parametrize("status", [204, 205])
def test_an_answer_without_a_body_is_none(users, status):
    users.respond = lambda handler: handler.reply(status)

    assert ServiceClient("users").delete("/a/") is None


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"{", b"NaN", b"\xff", b"[" * 5000])
def test_a_success_that_is_no_json_is_the_other_services_failure(users, body):
    users.respond = lambda handler: handler.reply(200, body)

    with pytest.raises(errors.ExternalServiceException) as raised:
        ServiceClient("users").get("/")

    assert raised.value.details == {"service_name": "users", "status_code": 200}


RAISED = [
    (errors.ServiceException("m"), 400),
    (errors.ValidationException("m", field_errors={"email": ["no"]}), 400),
    (errors.BusinessLogicException("m", business_rule="out_of_stock"), 422),
    (errors.ExternalServiceException("m", service_name="validation", status_code=500), 502),
    (errors.PermissionException("m"), 403),
    (errors.NotFoundException("m"), 404),
    (errors.MethodException("m", allowed=["GET"]), 405),
    (errors.ConflictException("m"), 409),
    (errors.TooLargeException("m", limit_bytes=9), 413),
    (errors.RateLimitException("m", retry_after_seconds=3), 429),
    (errors.UnavailableException("m", retry_after_seconds=3), 503),
    (errors.DeadlineException("m"), 504),
]


@pytest.mark.parametrize(("error", "status"), RAISED, ids=lambda value: type(value).__name__)
def test_what_the_other_side_raised_is_raised_here(users, error, status):
    sent = errors.envelope(error, correlation_id="c", service="users", timestamp="t")
    users.respond = lambda handler: handler.reply_json(sent, status)

    with pytest.raises(type(error)) as raised:
        ServiceClient("users").get("/")

    assert type(raised.value) is type(error)
    assert (raised.value.message, raised.value.details) == ("m", error.details)
    assert (raised.value.error_code, raised.value.origin) == (error.error_code, "users")


def test_every_error_of_the_tree_is_in_the_round_trip():
    apart = {errors.AuthenticationException, errors.InternalException}

    assert {type(error) for error, _ in RAISED} | apart == set(errors.BY_CODE.values())


def test_a_mistake_of_the_other_side_is_its_failure_not_this_services(users):
    sent = errors.envelope(
        errors.InternalException("m"), correlation_id="c", service="users", timestamp="t"
    )
    users.respond = lambda handler: handler.reply_json(sent, 500)

    with pytest.raises(errors.ExternalServiceException) as raised:
        ServiceClient("users").get("/")

    assert raised.value.details["status_code"] == 500


def test_a_refused_service_token_is_not_blamed_on_the_caller_of_this_service(users):
    refusal = errors.AuthenticationException("m")
    sent = errors.envelope(refusal, correlation_id="c", service="users", timestamp="t")
    users.respond = lambda handler: handler.reply_json(sent, 401)

    with pytest.raises(errors.ExternalServiceException) as raised:
        ServiceClient("users").get("/")

    assert raised.value.details == {"service_name": "users", "status_code": 401}


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 418, 500, 503])
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"error": 1}', b'{"error": {"code": []}}']
)
def test_a_failure_without_an_envelope_is_the_other_services_failure(users, status, body):
    users.respond = lambda handler: handler.reply(status, body, Location="http://127.0.0.1:1/")

    with pytest.raises(errors.ExternalServiceException) as raised:
        ServiceClient("users").get("/")

    assert raised.value.details == {"service_name": "users", "status_code": status}
    assert len(users.requests) == (3 if status == 503 else 1)


def test_the_context_of_the_request_travels_along(users):
    with context.running(context.new()) as current:
        ServiceClient("users").get("/")

    headers = users.requests[0].headers
    assert headers["X-Correlation-ID"] == current.correlation_id
    assert headers["traceparent"].split("-")[1] == current.correlation_id


def test_the_request_says_which_service_asks_so_that_the_other_can_verify_it(users, configure):
    issuer = Issuer("orders")
    configure(USERS_SERVICE_URL=users.url, AUTH_SIGNING_KEYS=issuer.pem)

    ServiceClient("users").get("/")

    scheme, token = users.requests[0].headers["Authorization"].split()
    configure(SERVICE_NAME="users")
    with auth.use_key_source(MemoryKeySource({"orders": issuer.document})):
        principal = auth.verify(token)
    assert (scheme, principal.service) == ("Bearer", "orders")
    assert users.requests[0].headers["User-Agent"] == "quintet/orders"


def test_without_a_key_the_request_carries_no_token(users):
    ServiceClient("users").get("/")

    assert users.requests[0].headers["Authorization"] is None


def test_an_unreachable_service_is_unavailable(configure):
    configure(USERS_SERVICE_URL=f"http://127.0.0.1:{closed_port()}")

    with pytest.raises(errors.UnavailableException):
        ServiceClient("users").get("/")


def test_every_call_has_the_timeout_of_the_settings(users, configure):
    release = hold(users)
    configure(USERS_SERVICE_URL=users.url, CLIENT_TIMEOUT_SECONDS="0.2")

    with pytest.raises(errors.DeadlineException, match=r"0\.2 seconds"):
        ServiceClient("users").get("/")

    release.set()


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_a_call_may_have_a_timeout_of_its_own(users, method):
    release = hold(users)

    with pytest.raises(errors.DeadlineException, match=r"0\.1 seconds"):
        getattr(ServiceClient("users"), method)("/", timeout_seconds=0.1)

    release.set()


def hold(server):
    release = threading.Event()
    server.respond = lambda handler: release.wait()
    return release


def test_a_client_keeps_no_connection_of_its_own(users):
    for _ in range(5):
        UsersClient().user(7)

    assert users.connections == 1


@pytest.mark.parametrize(("left", "sent"), [(None, 5000), (60, 5000), (2, 2000)])
def test_a_call_takes_no_longer_than_its_request_and_says_so(users, left, sent):
    with deadline.running(None if left is None else time.monotonic() + left):
        ServiceClient("users").post("/")

    said = int(users.requests[0].headers["X-Request-Timeout-Ms"])
    assert sent - 500 < said <= sent


def test_a_call_is_not_made_when_no_time_is_left(users):
    counted = deadline.EXCEEDED.labels("call")._value
    before = counted.get()

    with deadline.running(time.monotonic()), pytest.raises(errors.DeadlineException):
        ServiceClient("users").get("/")

    assert users.requests == []
    assert counted.get() == before + 1


def test_a_call_that_outlives_its_request_is_given_up_and_counted(users):
    counted, told = deadline.EXCEEDED.labels("call")._value, threading.Event()
    before = counted.get()
    users.respond = lambda handler: told.wait(30)

    with deadline.within(0.1), pytest.raises(errors.DeadlineException):
        ServiceClient("users").get("/")

    told.set()
    assert counted.get() == before + 1
