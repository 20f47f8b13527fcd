from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import path
from django.views import View
from rest_framework.decorators import action, api_view
from rest_framework.viewsets import ViewSet

from quintet.auth import Public
from quintet.views.functions import declares
from quintet.views.priority import has_priority, priority


@priority
@declares(Public)
def pay(request):
    return HttpResponse()


@declares(Public)
@priority
def pay_inside(request):
    return HttpResponse()


@declares(Public)
def browse(request):
    return HttpResponse()


@priority
@api_view(["POST"])
def pay_by_framework(request):
    return HttpResponse()


@priority
class Till(View):
    def post(self, request):
        return HttpResponse()


class Counter(View):
    @priority
    def post(self, request):
        return HttpResponse()

    def get(self, request):
        return HttpResponse()


class Orders(ViewSet):
    permission_classes = [Public]

    @priority
    def create(self, request):
        return HttpResponse()

    def list(self, request):
        return HttpResponse()

    @priority
    @action(detail=False)
    def totals(self, request):
        return HttpResponse()


class Payments(Orders):
    quintet_priority = True


urlpatterns = [
    path("pay/", pay),
    path("pay-inside/", pay_inside),
    path("pay-by-framework/", pay_by_framework),
    path("browse/", browse),
    path("till/", Till.as_view()),
    path("counter/", Counter.as_view()),
    path("orders/", Orders.as_view({"get": "list", "post": "create"})),
    path("orders/totals/", Orders.as_view({"get": "totals"})),
    path("payments/", Payments.as_view({"get": "list"})),
]

pytestmark = pytest.mark.urls(__name__)


@pytest.mark.parametrize(
    ("method", "where", "expected"),
    [
        ("GET", "/pay/", True),
        ("GET", "/pay-inside/", True),
        ("POST", "/pay-by-framework/", True),
        ("GET", "/browse/", False),
        ("POST", "/till/", True),
        ("POST", "/counter/", True),
        ("GET", "/counter/", False),
        ("POST", "/orders/", True),
        ("GET", "/orders/", False),
        ("HEAD", "/orders/totals/", True),
        ("DELETE", "/orders/", False),
        ("GET", "/payments/", True),
        ("GET", "/nowhere/", False),
    ],
)
def test_a_view_says_whether_it_has_priority(method, where, expected):
    assert has_priority(RequestFactory().generic(method, where)) is expected


def test_the_urls_of_the_request_are_looked_into():
    request = RequestFactory().get("/pay/")
    request.urlconf = "tests.project.urls"

    assert has_priority(request) is False
