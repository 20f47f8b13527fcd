from __future__ import annotations

import json
from datetime import datetime

import pytest
from asgiref.sync import async_to_sync
from django.core.signals import got_request_exception
from django.db import connections
from django.test import AsyncClient, RequestFactory

from quintet import errors
from quintet.testing.api import Api
from quintet.views import errors as answers
from quintet.views.errors import envelope_response
from quintet.views.translation import StatusException
from tests.project.models import Book

pytestmark = pytest.mark.urls("tests.views.failing")

STATUSES = {
    "service": (400, "SERVICE_ERROR"),
    "validation": (400, "VALIDATION_ERROR"),
    "rule": (422, "BUSINESS_LOGIC_ERROR"),
    "external": (502, "EXTERNAL_SERVICE_ERROR"),
    "authentication": (401, "AUTHENTICATION_ERROR"),
    "permission": (403, "PERMISSION_ERROR"),
    "missing": (404, "NOT_FOUND"),
    "conflict": (409, "CONFLICT"),
    "large": (413, "PAYLOAD_TOO_LARGE"),
    "rate": (429, "RATE_LIMITED"),
    "internal": (500, "INTERNAL_ERROR"),
    "unavailable": (503, "SERVICE_UNAVAILABLE"),
    "deadline": (504, "DEADLINE_EXCEEDED"),
    "bug": (500, "INTERNAL_ERROR"),
    "recursion": (500, "INTERNAL_ERROR"),
    "outage": (503, "SERVICE_UNAVAILABLE"),
    "statement": (504, "DEADLINE_EXCEEDED"),
    "http404": (404, "NOT_FOUND"),
    "denied": (403, "PERMISSION_ERROR"),
    "suspicious": (400, "VALIDATION_ERROR"),
    "bad": (400, "VALIDATION_ERROR"),
    "toobig": (413, "PAYLOAD_TOO_LARGE"),
    "django-invalid": (400, "VALIDATION_ERROR"),
    "drf-invalid": (400, "VALIDATION_ERROR"),
    "drf-throttled": (429, "RATE_LIMITED"),
    "drf-denied": (403, "PERMISSION_ERROR"),
    "drf-missing": (404, "NOT_FOUND"),
    "drf-own": (500, "API_ERROR"),
}
KEYS = {"code", "message", "details", "correlation_id", "service", "timestamp"}


@pytest.fixture
def client():
    return Api(raise_request_exception=False)


@pytest.fixture(params=[False, True], ids=["plain", "debug"])
def debug(request, settings):
    settings.DEBUG = request.param


def assert_envelope(response, status, code):
    body = response.json()
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert list(body) == ["error"]
    assert set(body["error"]) == KEYS
    assert body["error"]["code"] == code
    assert body["error"]["service"] == "project"
    assert body["error"]["correlation_id"] == response["X-Correlation-ID"]
    assert datetime.fromisoformat(body["error"]["timestamp"]).tzinfo is not None


@pytest.mark.parametrize("door", ["raise", "plain", "later"])
@pytest.mark.parametrize("what", STATUSES)
def test_whatever_a_view_raises_is_answered_in_the_envelope(client, debug, door, what):
    response = client.get(f"/{door}/{what}/")

    assert_envelope(response, *STATUSES[what])
    for secret in ("SELECT", "10.0.0.5", "secret", "Traceback", "urls", "tests."):
        assert secret not in response.content.decode()


@pytest.mark.parametrize("what", ["bug", "http404", "outage", "rule"])
def test_the_envelope_is_the_same_behind_an_async_server(what):
    client = AsyncClient(raise_request_exception=False)

    response = async_to_sync(client.get)(f"/later/{what}/")

    assert_envelope(response, *STATUSES[what])


@pytest.mark.parametrize("what", STATUSES)
def test_whatever_a_middleware_raises_is_answered_in_the_envelope(client, debug, settings, what):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.views.failing.breaking"]

    response = client.get("/answer/200/", headers={"X-Break": what})

    status, code = STATUSES[what]
    known_to_django = what in {"suspicious", "bad", "toobig"}
    assert_envelope(
        response,
        400 if known_to_django else status,
        "VALIDATION_ERROR" if known_to_django else code,
    )


def test_an_error_of_a_middleware_behind_an_async_server_keeps_its_kind(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.views.failing.breaking"]

    client = AsyncClient(raise_request_exception=False)
    response = async_to_sync(client.get)("/answer/200/", headers={"X-Break": "rule"})

    assert_envelope(response, 422, "BUSINESS_LOGIC_ERROR")


def test_an_unknown_url_is_a_404_in_the_envelope(client, debug):
    assert_envelope(client.get("/nowhere"), 404, "NOT_FOUND")


def test_a_host_that_is_not_ours_is_a_400_in_the_envelope(client, debug):
    assert_envelope(
        client.get("/answer/200/", headers={"Host": "evil.example"}), 400, "VALIDATION_ERROR"
    )


def test_a_host_refused_further_in_is_a_400_as_well(client, settings, debug):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.views.failing.breaking"]

    assert_envelope(
        client.get("/answer/200/", headers={"X-Break": "host"}), 400, "VALIDATION_ERROR"
    )


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_a_method_that_is_not_offered_is_a_405_with_the_others(client, method):
    response = getattr(client, method)("/raise/bug/")

    assert_envelope(response, 405, "METHOD_NOT_ALLOWED")
    assert response["Allow"] == "GET, POST, HEAD"
    assert response.json()["error"]["details"]["allowed"] == ["GET", "POST", "HEAD"]


def came_from(service, error):
    error.origin = service
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.UnavailableException("Later."), None),
        (came_from("payments", errors.UnavailableException("Later.")), "1"),
        (came_from("payments", errors.DeadlineException("Late.")), "1"),
        (errors.ExternalServiceException("No.", "payments"), "1"),
        (came_from("payments", errors.ConflictException("No.")), None),
    ],
)
def test_a_failure_of_another_service_is_not_to_be_tried_again(error, said):
    response = envelope_response(RequestFactory().get("/"), error)

    assert response.headers.get("X-No-Retry") == said


@pytest.mark.parametrize("wait", [float("inf"), float("nan")])
def test_a_wait_without_an_end_is_not_announced(wait):
    error = errors.UnavailableException("Later.", wait)

    response = envelope_response(RequestFactory().get("/"), error)

    assert response.status_code == 503
    assert "Retry-After" not in response


def test_a_format_in_the_query_string_chooses_nothing(client):
    assert client.post("/raise/bug/?format=xml").status_code == 200


@pytest.mark.urls("tests.views.shelf")
def test_a_method_that_is_not_offered_is_a_405_even_to_nobody(client):
    assert_envelope(client.delete("/api/v1/secret/"), 405, "METHOD_NOT_ALLOWED")
    assert_envelope(client.get("/api/v1/secret/"), 401, "AUTHENTICATION_ERROR")


def test_a_body_that_is_no_json_is_a_400(client):
    response = client.generic("POST", "/raise/bug/", "{", content_type="application/json")

    assert_envelope(response, 400, "VALIDATION_ERROR")
    assert "line 1 column 2" in response.json()["error"]["message"]


def test_a_body_of_another_kind_is_a_415(client):
    response = client.generic("POST", "/raise/bug/", "a=1", content_type="text/plain")

    assert_envelope(response, 415, "API_ERROR")


def test_a_kind_of_answer_that_we_lack_is_a_406(client):
    assert_envelope(client.get("/raise/bug/", headers={"Accept": "text/html"}), 406, "API_ERROR")


@pytest.mark.parametrize(
    "accept",
    ["text/html;x*=nope''%41", "text/html;q*=latin9'x'1", "a/b;c*=", ",", "\x00", "x" * 20_000],
)
def test_an_accept_header_that_cannot_be_read_fails_nothing(client, accept):
    response = client.get("/raise/rule/", headers={"Accept": accept})

    assert response.status_code in {400, 406, 422}
    assert "error" in response.json()


def test_a_401_challenges(client):
    assert client.get("/plain/authentication/")["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("what", "seconds"),
    [("rate", "2"), ("unavailable", "3"), ("outage", "1"), ("drf-throttled", "8")],
)
def test_an_error_that_passes_says_when_to_come_back(client, what, seconds):
    assert client.get(f"/raise/{what}/")["Retry-After"] == seconds


def test_field_errors_are_plain_lists(client):
    details = client.get("/raise/django-invalid/").json()["error"]["details"]

    assert details == {"field_errors": {"name": ["Too short."]}}


def test_errors_of_no_field_have_a_name_too(client):
    details = client.get("/raise/drf-invalid/").json()["error"]["details"]

    assert details == {"field_errors": {"non_field_errors": ["Too short."]}}


def test_an_unexpected_error_is_logged_with_its_traceback_under_the_same_id(client, captured_logs):
    response = client.get("/raise/bug/")

    (line,) = [line for line in captured_logs if "exception" in line]
    assert line["correlation_id"] == response.json()["error"]["correlation_id"]
    assert "ZeroDivisionError" in line["exception"]
    assert "failing.py" in line["exception"]


def test_an_unexpected_error_in_a_middleware_is_logged_under_the_same_id(
    client, captured_logs, settings
):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.views.failing.breaking"]

    response = client.get("/answer/200/", headers={"X-Break": "bug"})

    (line,) = [line for line in captured_logs if "exception" in line]
    assert line["correlation_id"] == response.json()["error"]["correlation_id"]


def test_an_error_of_another_service_is_logged_without_a_traceback(client, captured_logs):
    client.get("/raise/external/")

    (line,) = [line for line in captured_logs if line["logger"] == "quintet.errors"]
    assert (line["level"], line["reason"]) == ("WARNING", "payments answered 500.")
    assert "exception" not in line


def test_an_error_outside_of_any_request_is_none_of_our_business():
    assert got_request_exception.send(sender=None)[0][1] is None


def test_a_refusal_is_logged_once_in_the_line_of_its_request(client, captured_logs):
    client.get("/raise/rule/")

    assert [line["error_code"] for line in captured_logs] == ["BUSINESS_LOGIC_ERROR"]


@pytest.mark.parametrize(("what", "announced"), [("bug", 1), ("outage", 0), ("unavailable", 0)])
def test_only_mistakes_are_announced_to_error_trackers(client, what, announced):
    heard = []

    def hear(**said):
        heard.append(said["request"].path)

    got_request_exception.connect(hear)
    client.get(f"/raise/{what}/")
    got_request_exception.disconnect(hear)

    assert len(heard) == announced


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "VALIDATION_ERROR"),
        (402, "API_ERROR"),
        (404, "NOT_FOUND"),
        (405, "METHOD_NOT_ALLOWED"),
        (409, "CONFLICT"),
        (410, "API_ERROR"),
        (422, "BUSINESS_LOGIC_ERROR"),
        (500, "INTERNAL_ERROR"),
        (502, "API_ERROR"),
        (503, "SERVICE_UNAVAILABLE"),
        (599, "API_ERROR"),
    ],
)
@pytest.mark.parametrize("door", ["answer", "plain-answer"])
def test_an_answer_without_the_envelope_gets_it(client, door, status, code):
    response = client.get(f"/{door}/{status}/")

    assert_envelope(response, status, code)
    assert b"DETAIL" not in response.content


def test_the_allowed_methods_of_a_page_of_django_are_kept(client):
    response = client.get("/plain-answer/405/")

    assert response["Allow"] == "GET, HEAD"
    assert response.json()["error"]["details"] == {"allowed": ["GET", "HEAD"]}


def test_the_field_errors_of_an_answer_without_the_envelope_are_kept(client):
    details = client.get("/answer/400/").json()["error"]["details"]

    assert details == {"field_errors": {"name": ["Too short."]}}


def test_an_answer_that_is_no_error_is_left_alone(client):
    assert client.get("/plain-answer/299/").content == b"<h1>page</h1>"
    assert client.get("/plain-answer/304/").status_code == 304


PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    "accept",
    [
        PROBLEM,
        f"{PROBLEM}, */*;q=0.1",
        f"application/json, {PROBLEM}",
        f"{PROBLEM};q=0.5, text/html",
        f"application/json;q=0.5, {PROBLEM};q=0.5",
        f"{PROBLEM};q=0.5, application/*;q=0.1, */*",
    ],
)
def test_an_error_is_a_problem_for_whoever_asks_for_problems(client, accept):
    response = client.get("/raise/validation/", headers={"Accept": accept})

    body = response.json()
    assert response["Content-Type"] == PROBLEM
    assert (
        body.items()
        >= {
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": "No.",
            "instance": f"urn:correlation:{response['X-Correlation-ID']}",
            "code": "VALIDATION_ERROR",
            "correlation_id": response["X-Correlation-ID"],
            "service": "project",
            "errors": [{"pointer": "#/name", "detail": "Too short."}],
        }.items()
    )


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        f"application/json, {PROBLEM};q=0.9",
        f"{PROBLEM};q=0, */*",
        f"*/*, {PROBLEM};q=0.1",
        f"{PROBLEM};q=0.5, application/*;q=0.9, */*;q=0.1",
    ],
)
def test_an_error_is_the_envelope_for_everybody_else(client, accept):
    response = client.get("/raise/validation/", headers={"Accept": accept})

    assert response["Content-Type"] == "application/json"
    assert response["Vary"] == "Accept"


def test_an_unknown_url_is_a_problem_too(client):
    response = client.get("/nowhere", headers={"Accept": PROBLEM})

    assert response["Content-Type"] == PROBLEM
    assert response.json()["status"] == 404


def test_a_success_is_json_for_whoever_asks_for_problems_only(client):
    response = client.post("/raise/bug/", {"a": 1}, headers={"Accept": PROBLEM})

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


def test_a_problem_points_into_nested_bodies():
    error = errors.ValidationException("No.", {"lines": {1: {"a/b": ["x"]}}, "n": "y"})
    request = RequestFactory().get("/", headers={"Accept": PROBLEM})

    body = json.loads(answers.envelope_response(request, error).content)

    assert body["errors"] == [
        {"pointer": "#/lines/1/a~1b", "detail": "x"},
        {"pointer": "#/n", "detail": "y"},
    ]


def test_every_kind_has_a_status():
    assert set(answers.STATUS) == set(errors.Kind)


def test_an_error_that_is_only_a_status_can_be_copied():
    import copy

    error = copy.deepcopy(StatusException("No.", 415))

    assert (error.message, error.status, error.error_code) == ("No.", 415, "API_ERROR")


def test_the_pages_of_django_have_the_envelope_without_the_middleware_too():
    request = RequestFactory().get("/")

    made = [
        answers.handler400(request, ValueError()),
        answers.handler403(request, errors.PermissionException()),
        answers.handler404(request, errors.NotFoundException()),
        answers.handler500(request),
    ]

    assert [answer.status_code for answer in made] == [500, 403, 404, 500]
    assert all(json.loads(answer.content)["error"]["correlation_id"] is None for answer in made)


@pytest.mark.django_db(transaction=True)
def test_what_a_failed_request_wrote_is_rolled_back(client, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)

    response = client.post("/write/")

    assert response.status_code == 422
    assert not Book.objects.exists()


def test_a_failure_is_not_logged_once_more_without_its_id(client, captured_logs):
    client.get("/raise/unavailable/")

    assert [line["logger"] for line in captured_logs] == ["quintet.errors", "quintet.access"]
