"""Views that repeat what they were told in confidence, in every way that has ever been seen."""

from __future__ import annotations

import logging

import structlog
from django.db import connection
from django.http import JsonResponse, StreamingHttpResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet.auth import Public
from quintet.clients import ServiceClient
from quintet.errors import BusinessLogicException, ValidationException
from quintet.telemetry import traces
from quintet.telemetry.logs import get_logger
from quintet.telemetry.metrics import track_execution_time
from quintet.views.functions import declares
from quintet.views.parsers import StrictJSONParser
from quintet.views.serializers import StrictSerializer
from quintet.views.urls import service_urls

CARD = "4539 5787 6362 1486"
EMAIL = "canary.person@example.com"
DSN = "postgres://shop:canary-of-a-dsn@db:5432/shop"
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLW9mLWEtY2FuYXJ5"
PEM = "-----BEGIN PRIVATE KEY-----\nMHcCAQEEcanaryofakey\n-----END PRIVATE KEY-----"
SERVICE_KEY = "sk_live_canary4eC39HqLyjWDarjt"

PASSWORD = "correct horse canary"
TOKEN = "canary-bearer-0123456789"
COOKIE = "canary-session-0123456789"
API_KEY = "canary-api-key-0123456789"
QUERY_TOKEN = "canary-reset-0123456789"
PIN = "canary-pin-987"

log = get_logger("leaky.views", client=f"app {JWT}")
plain = logging.getLogger("leaky.plain")


def in_a_message(told):
    raise RuntimeError(f"nobody has the password {told}")


def bare_in_a_message(told):
    raise RuntimeError(f"no account for {told}, {COOKIE} or {API_KEY}")


def in_arguments(told):
    raise KeyError(told, TOKEN)


def in_an_outage(told):
    raise ConnectionError(f"cannot open {DSN} for {told}")


def in_a_cause(told):
    try:
        in_an_outage(told)
    except ConnectionError as error:
        raise RuntimeError("no database") from error


def in_a_context(told):
    try:
        int(told)
    except ValueError:
        raise RuntimeError("no number")  # noqa: B904 - the context is what is tried


def in_a_note(told):
    error = RuntimeError("no luck")
    error.add_note(f"tried {told} with {PEM}")
    raise error


def in_a_group(told):
    raise ExceptionGroup("several", [ValueError(told), TypeError(SERVICE_KEY)])


def in_an_error_of_ours(told):
    raise ValidationException(f"{told} is not valid", {"name": [f"{told} {JWT}", {"a": EMAIL}]})


def in_a_rule(told):
    raise BusinessLogicException(f"{EMAIL} cannot pay with {CARD}: {told}", business_rule=DSN)


def in_a_log_message(told):
    log.info(f"logged in with {told}, {QUERY_TOKEN}, {EMAIL} and {CARD}")  # noqa: G004 - as people do


def in_log_arguments(told):
    plain.warning("got %s and %r for %s", told, {"token": TOKEN}, EMAIL)


def in_log_fields(told):
    log.warning("seen", note=told, nested={"password": told, "list": [JWT, {"key": PEM}]})


def in_bound_fields(told):
    log.bind(note=COOKIE, who=EMAIL).warning("seen", api_key=API_KEY)
    with structlog.contextvars.bound_contextvars(note=told, dsn=DSN):
        log.warning("seen")


def in_extra(told):
    plain.error("seen", extra={"authorization": TOKEN, "who": EMAIL, "note": told})


def in_a_logged_exception(told):
    try:
        int(told)
    except ValueError:
        plain.exception("failed for %s", EMAIL)


def in_debug_lines(told):
    log.debug("about to log in", note=told)
    raise RuntimeError("failed after that")


def in_a_statement(told):
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere WHERE note = %s AND card = %s", [told, CARD])


def in_a_parameter(told):
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(%s AS integer) / 0, nothing", [told])


def in_the_error_of_another_service(told):
    ServiceClient("users").get("/echo/", params={"token": QUERY_TOKEN, "note": told})


def in_a_call_that_fails(told):
    ServiceClient("products").get("/products/", params={"token": told, "note": told})


def in_a_span(told):
    with traces.span("log in", kind="internal") as span:
        span.describe({"dsn": DSN, "password": told, "card": CARD})
        raise RuntimeError(told)


@track_execution_time("leaking")
def in_a_measured_function(told):
    raise RuntimeError(told)


WAYS = {name: way for name, way in sorted(vars().items()) if name.startswith(("in_", "bare_"))}


REACHED = []
"""The views that were reached: a secret that was refused at the door says nothing about them."""


class Anybody(Public):
    """Lets tokens pass that nobody has signed."""

    authenticates = False


class LeakView(APIView):
    authentication_classes = []
    permission_classes = [Public]
    parser_classes = [StrictJSONParser, FormParser, MultiPartParser]

    def post(self, request, how, rest=""):
        REACHED.append(how)
        WAYS[how](request.data.get("password", PASSWORD))
        return Response({"done": True})


class AccountSerializer(StrictSerializer):
    password = serializers.ChoiceField(["swordfish"])
    pin = serializers.IntegerField()


class AccountView(APIView):
    authentication_classes = []
    permission_classes = [Public]

    def post(self, request):
        REACHED.append("account")
        AccountSerializer(data=request.data).is_valid(raise_exception=True)
        return Response({})


@declares(Anybody)
def stream(request):
    REACHED.append("stream")

    def chunks():
        yield b"half"
        raise ConnectionError(f"{COOKIE} is gone with {DSN}")

    return StreamingHttpResponse(chunks())


@declares(Anybody)
async def later(request):
    REACHED.append("later")
    raise RuntimeError(f"{COOKIE} and {TOKEN}")


@declares(Anybody)
def page(request):
    REACHED.append("page")
    return JsonResponse({"no": COOKIE}, status=500)


urlpatterns = [
    path("leak/<str:how>/", LeakView.as_view()),
    path("leak/<str:how>/<path:rest>", LeakView.as_view()),
    path("account/", AccountView.as_view()),
    path("stream/", stream),
    path("later/", later),
    path("page/", page),
    *service_urls,
]
