from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.urls import include, path
from rest_framework.decorators import action, api_view, permission_classes
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet.auth import Authenticated, Owner, Public, Staff, service
from quintet.checks.callers import admitted_services_are_trusted
from quintet.views.functions import declares
from quintet.views.routers import Router
from quintet.views.sets import ServiceViewSet
from tests.project.settings import ProjectSettings

ISSUERS = "users=http://users/keys.json,orders=http://orders/keys.json"


class Routes:
    """A URLconf made of the routes that a test wants to judge."""

    def __init__(self, *patterns):
        self.urlpatterns = list(patterns)


@pytest.fixture
def judged(settings):
    """The findings on a route with this view, in a service that trusts users and orders."""

    def judge(view, issuers=ISSUERS):
        declared = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY": "k", "AUTH_ISSUERS": issuers}
        settings.QUINTET = ProjectSettings.load(environ=declared)
        settings.ROOT_URLCONF = Routes(path("a/", include([path("b/", view)])))
        return admitted_services_are_trusted()

    return judge


def admitting(*permissions):
    """A view with these permissions."""
    return type("Door", (APIView,), {"permission_classes": permissions}).as_view()


class Shelf(ServiceViewSet):
    permissions = {
        "list": service("orders"),
        "hidden": [Authenticated | service("billing")],
        "elsewhere": service("warehouse"),
    }

    def list(self, request):
        return Response([])

    @action(detail=False)
    def hidden(self, request):
        return Response([])


@declares(Staff | service("billing"))
def function(request):
    return HttpResponse()


@api_view()
@permission_classes([service("billing")])
def function_of_drf(request):
    return Response()


@pytest.mark.parametrize(
    "view",
    [
        admitting(service("billing")),
        admitting(service("orders", "billing")),
        admitting(Owner | Staff | service("billing")),
        admitting(Owner | (service("billing") & ~Staff)),
        admitting(Authenticated, service("billing")),
        APIView.as_view(permission_classes=[service("billing")]),
        Shelf.as_view({"get": "list", "post": "hidden"}),
        function,
        function_of_drf,
    ],
)
def test_a_service_that_nobody_trusts_is_found_wherever_it_is_admitted(judged, view):
    (finding,) = judged(view)

    assert finding.id == "quintet.W011"
    assert finding.msg.startswith("/a/b/ admits the service billing, but AUTH_ISSUERS")
    assert "billing=https://…/.well-known/jwks.json" in finding.hint


@pytest.mark.parametrize(
    "view",
    [
        admitting(service("orders")),
        admitting(service("project")),
        admitting(Authenticated | ~service("billing")),
        admitting(Public),
        admitting(),
        Shelf.as_view({"get": "list"}),
        declares(service("users"))(lambda _: HttpResponse()),
        lambda _: HttpResponse(),
    ],
)
def test_services_that_are_trusted_or_shut_out_are_no_finding(judged, view):
    assert judged(view) == []


def test_a_slip_of_the_keyboard_is_named(judged):
    (finding,) = judged(admitting(service("order")), issuers=ISSUERS)
    (slip,) = judged(admitting(service("oredrs")), issuers=ISSUERS)

    assert "or take the name out" in finding.hint
    assert slip.hint == "Write orders instead."


def test_without_issuers_every_service_is_refused(judged):
    assert [one.id for one in judged(Shelf.as_view({"get": "list"}), "")] == ["quintet.W011"]


def test_each_route_of_a_viewset_is_named(judged):
    router = Router()
    router.register("shelf", Shelf, basename="shelf")

    found = judged(include(router.urls))

    assert [one.msg.split()[0] for one in found] == ["/a/b/shelf/hidden/"]
