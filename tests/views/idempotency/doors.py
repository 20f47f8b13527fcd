"""Doors that do something once for each key; what they have done is a book on the shelf."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet.auth import Authenticated, Public, service
from quintet.errors import BusinessLogicException, ConflictException, UnavailableException
from quintet.views.idempotency.once import LONGEST_BODY_BYTES, deed_of, idempotent
from quintet.views.sets import ServiceViewSet
from quintet.views.urls import service_urls
from tests.project.models import Book


class Surprise(BaseException):
    """What nothing in between handles: as near to a crash as a test in one process comes."""


FAULTS = {
    "rule": BusinessLogicException("The shelf is full.", business_rule="shelf_full"),
    "conflict": ConflictException("The state has moved on."),
    "unavailable": UnavailableException("Not now."),
    "mistake": ZeroDivisionError(),
    "crash": Surprise(),
}


class Faults:
    """What goes wrong in the next handlers, after they have put their book on the shelf."""

    waiting: list[str] = []
    meanwhile: list = []


def shelve(request):
    title = request.data.get("title", "untitled")
    book = Book.objects.create(owner_id=request.user.user_id or 0, title=title)
    while Faults.meanwhile:
        Faults.meanwhile.pop()()
    if Faults.waiting:
        raise FAULTS[Faults.waiting.pop(0)]
    return Response(
        {"id": book.pk, "deed": str(deed_of(request))},
        status=201,
        headers={"Location": f"/books/{book.pk}/", "X-Other": "not kept"},
    )


class Books(ServiceViewSet[Book]):
    queryset = Book.objects.all()
    permissions = {
        "create": [Authenticated],
        "lend": [Authenticated],
        "update": [Authenticated],
    }

    @idempotent()
    def create(self, request):
        return shelve(request)

    @idempotent(atomic=False)
    def lend(self, request):
        return shelve(request)

    @idempotent(required=False)
    def update(self, request, pk):
        return shelve(request)


class Returned(APIView):
    permission_classes = [Authenticated]

    @idempotent()
    def post(self, request):
        return Response({"error": "The state has moved on."}, status=409)


class Long(APIView):
    permission_classes = [Authenticated]

    @idempotent()
    def post(self, request):
        shelve(request)
        return Response("x" * LONGEST_BODY_BYTES)


class Streamed(APIView):
    permission_classes = [Authenticated]

    @idempotent()
    def post(self, request):
        shelve(request)
        return StreamingHttpResponse([b"x"])


class Between(APIView):
    permission_classes = [service("orders")]

    @idempotent()
    def post(self, request):
        return shelve(request)


class Open(APIView):
    permission_classes = [Public]

    @idempotent()
    def post(self, request):
        return shelve(request)


urlpatterns = [
    path("books/", Books.as_view({"post": "create"})),
    path("loans/", Books.as_view({"post": "lend"})),
    path("books/<int:pk>/", Books.as_view({"put": "update"})),
    path("returned/", Returned.as_view()),
    path("long/", Long.as_view()),
    path("streamed/", Streamed.as_view()),
    path("between/", Between.as_view()),
    path("open/", Open.as_view()),
    *service_urls,
]
