from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.urls import include, path
from django.views import View
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from quintet.auth import Public
from quintet.views.bodies import harmless, limit_for, max_request_bytes
from quintet.views.functions import declares
from quintet.views.routers import Router

DEFAULT = 10 * 1024 * 1024


@declares(Public)
@max_request_bytes(10)
def small(request):
    return HttpResponse()


@max_request_bytes(DEFAULT * 2)
class Large(View):
    def put(self, request):
        return HttpResponse()


@max_request_bytes(2_000)
class Pictures(ViewSet):
    permission_classes = [Public]

    def create(self, request):
        return Response()

    @max_request_bytes(DEFAULT * 3)
    @action(detail=False, methods=["post"])
    def scan(self, request):
        return Response()


router = Router()
router.register("pictures", Pictures, basename="picture")

urlpatterns = [
    path("small/", small),
    path("plain/", declares(Public)(lambda request: HttpResponse())),
    path("deep/", include([path("large/", Large.as_view()), *router.urls])),
]

pytestmark = pytest.mark.urls("tests.views.test_bodies")


@pytest.mark.parametrize(
    ("where", "method", "limit"),
    [
        ("/small/", "POST", 10),
        ("/plain/", "POST", DEFAULT),
        ("/nowhere/", "POST", DEFAULT),
        ("/deep/large/", "PUT", DEFAULT * 2),
        ("/deep/pictures/", "POST", 2_000),
        ("/deep/pictures/scan/", "POST", DEFAULT * 3),
        ("/deep/pictures/scan/", None, 2_000),
    ],
)
def test_a_view_says_how_much_it_takes(where, method, limit):
    assert limit_for(where, method) == limit


def test_what_the_strictest_route_takes_is_harmless_to_all():
    assert harmless() == 10


@pytest.mark.urls("tests.views.shelf")
def test_where_no_view_says_anything_the_service_does():
    assert harmless() == DEFAULT


def test_a_negative_limit_is_a_mistake():
    with pytest.raises(ValueError, match="fewer than 0"):
        max_request_bytes(-1)
