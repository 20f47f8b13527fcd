"""Views that fail in every way that a view can."""

from __future__ import annotations

from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import OperationalError
from django.http import (
    Http404,
    HttpResponse,
    HttpResponseNotAllowed,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import path
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet import errors
from quintet.auth import Public
from quintet.views.functions import declares
from tests.project.models import Book


class QueryCanceled(Exception):
    sqlstate = "57014"


class StatementTimeout(OperationalError):
    def __init__(self):
        super().__init__("canceling statement due to statement timeout")
        self.__cause__ = QueryCanceled()


class OutOfStock(errors.BusinessLogicException):
    pass


RAISED = {
    "service": lambda: errors.ServiceException("No."),
    "validation": lambda: errors.ValidationException("No.", {"name": ["Too short."]}),
    "rule": lambda: OutOfStock("Sold out.", "out_of_stock"),
    "external": lambda: errors.ExternalServiceException("payments answered 500.", "payments", 500),
    "authentication": errors.AuthenticationException,
    "permission": errors.PermissionException,
    "missing": errors.NotFoundException,
    "conflict": lambda: errors.ConflictException("Gone on."),
    "large": lambda: errors.TooLargeException("Too large.", 5),
    "rate": lambda: errors.RateLimitException("Slow down.", 1.2),
    "internal": errors.InternalException,
    "unavailable": lambda: errors.UnavailableException("Later.", 3),
    "deadline": lambda: errors.DeadlineException("Too late."),
    "bug": lambda: ZeroDivisionError("SELECT password FROM users"),
    "recursion": lambda: RecursionError("maximum recursion depth exceeded"),
    "outage": lambda: OperationalError("connection to server at 10.0.0.5 failed"),
    "statement": StatementTimeout,
    "http404": lambda: Http404("tried quintet.urls"),
    "denied": lambda: PermissionDenied("secret reason"),
    "suspicious": lambda: SuspiciousOperation("secret reason"),
    "bad": lambda: BadRequest("secret reason"),
    "toobig": lambda: RequestDataTooBig("secret reason"),
    "django-invalid": lambda: ValidationError({"name": ["Too short."]}),
    "drf-invalid": lambda: drf.ValidationError(["Too short."]),
    "drf-throttled": lambda: drf.Throttled(wait=7.5),
    "drf-denied": drf.PermissionDenied,
    "drf-missing": lambda: drf.NotFound({"a": ["Not", "here."]}),
    "drf-own": lambda: drf.APIException({"a": "Some", "b": ["thing."]}),
}


def made(what):
    return RAISED[what]()


class RaisingView(APIView):
    permission_classes = [Public]

    def get(self, request, what):
        raise made(what)

    def post(self, request, what):
        return Response(request.data)


@declares(Public)
def raising(request, what):
    raise made(what)


@declares(Public)
async def raising_later(request, what):
    raise made(what)


class WritingView(APIView):
    permission_classes = [Public]

    def post(self, request):
        Book.objects.create(owner_id=1, title="Half done")
        raise OutOfStock("Sold out.", "out_of_stock")


class AnsweringView(APIView):
    permission_classes = [Public]

    def get(self, request, status):
        if status == 400:
            return Response({"name": ["Too short."]}, status=400)
        return Response(["a list"], status=status)


@declares(Public)
def answering(request, status):
    answers = {
        405: lambda: HttpResponseNotAllowed(["GET", "HEAD"]),
        409: lambda: JsonResponse({"detail": "DETAIL: Key (email)"}, status=409),
        410: lambda: StreamingHttpResponse(iter([b"gone"]), status=410),
        599: lambda: HttpResponse("odd", status=599),
    }
    return answers.get(status, lambda: HttpResponse("<h1>page</h1>", status=status))()


def breaking(get_response):
    """A middleware that fails when it is asked to."""

    def middleware(request):
        what = request.headers.get("X-Break")
        if what == "host":
            request.META["HTTP_HOST"] = "evil.example"
            request.get_host()
        if what:
            raise made(what)
        return get_response(request)

    return middleware


urlpatterns = [
    path("raise/<str:what>/", RaisingView.as_view()),
    path("plain/<str:what>/", raising),
    path("later/<str:what>/", raising_later),
    path("write/", WritingView.as_view()),
    path("answer/<int:status>/", AnsweringView.as_view()),
    path("plain-answer/<int:status>/", answering),
]
