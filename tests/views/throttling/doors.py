"""Doors that count who comes through."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.urls import path
from rest_framework.decorators import api_view, permission_classes
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from quintet.auth import Authenticated, Public, Staff
from quintet.errors import ConflictException
from quintet.views.functions import declares, limited
from quintet.views.sets import ServiceViewSet
from quintet.views.throttling import UNLIMITED, RateLimit
from quintet.views.urls import service_urls
from tests.project.models import Book


class Open(APIView):
    permission_classes = [Public]

    def get(self, request):
        return Response({})


class Mine(Open):
    permission_classes = [Authenticated]


class Theirs(Open):
    permission_classes = [Staff]


class Login(Open):
    rate_limit = RateLimit("login", "2/minute; 100/day")


class Again(Open):
    rate_limit = Login.rate_limit


class Closed(Open):
    rate_limit = RateLimit("closed", "2/minute", fail_closed=True)


class Lenient(BaseThrottle):
    def allow_request(self, request, view):
        return True


class Elsewhere(Mine):
    throttle_classes = [Lenient]


class Free(Open):
    rate_limit = UNLIMITED


class Failing(Open):
    def get(self, request):
        raise ConflictException("The state has moved on.")


class Broken(Open):
    def get(self, request):
        raise ZeroDivisionError


class Books(ServiceViewSet[Book]):
    queryset = Book.objects.none()
    permissions = {"list": Public, "create": Public}
    rate_limit = {"create": RateLimit("writing", "1/minute")}

    def list(self, request):
        return Response([])

    def create(self, request):
        return Response({}, status=201)


PLAIN = RateLimit("plain", "2/minute")


@declares(Public)
@limited(PLAIN)
def plain(request):
    if "conflict" in request.GET:
        raise ConflictException("The state has moved on.")
    if "gone" in request.GET:
        return HttpResponse(status=410)
    return JsonResponse({"caller": request.user.pk})


@declares(Public)
@limited(PLAIN)
async def later(request):
    if "conflict" in request.GET:
        raise ConflictException("The state has moved on.")
    if "gone" in request.GET:
        return HttpResponse(status=410)
    return JsonResponse({"caller": request.user.pk})


@limited(PLAIN)
@api_view(["GET"])
@permission_classes([Public])
def decorated(request):
    return Response({})


urlpatterns = [
    path("open/", Open.as_view()),
    path("mine/", Mine.as_view()),
    path("theirs/", Theirs.as_view()),
    path("login/", Login.as_view()),
    path("again/", Again.as_view()),
    path("closed/", Closed.as_view()),
    path("elsewhere/", Elsewhere.as_view()),
    path("free/", Free.as_view()),
    path("failing/", Failing.as_view()),
    path("broken/", Broken.as_view()),
    path("books/", Books.as_view({"get": "list", "post": "create"})),
    path("plain/", plain),
    path("later/", later),
    path("decorated/", decorated),
    *service_urls,
]
