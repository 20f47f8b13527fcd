from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.urls import include, path
from django.views import View
from rest_framework.decorators import action, api_view, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet.auth import Public
from quintet.checks.routes import routes_declare_permissions
from quintet.views.functions import declares
from quintet.views.routers import Router
from quintet.views.sets import ServiceViewSet
from tests.checks.findings import ids


class Undeclared(APIView):
    pass


class Empty(APIView):
    permission_classes = []


class Declared(APIView):
    permission_classes = [Public]


class Plain(View):
    def get(self, request):
        return HttpResponse()


class Shelf(ServiceViewSet):
    permissions = {"list": Public}

    def list(self, request):
        return Response([])

    @action(detail=False)
    def forgotten(self, request):
        return Response([])


def function(request):
    return HttpResponse()


@api_view()
def undeclared_function(request):
    return Response()


@api_view()
@permission_classes([AllowAny])
def declared_function(request):
    return Response()


class Careless(ServiceViewSet):
    permissions = {"list": []}

    def list(self, request):
        return Response([])


class Overriding(Declared):
    def get_permissions(self):
        return []


class Skipping(Shelf):
    permissions = {"list": Public, "forgotten": Public}

    def check_permissions(self, request):
        pass


router = Router()
router.register("shelf", Shelf, basename="shelf")


class Routes:
    """A URLconf made of the routes that a test wants to judge."""

    def __init__(self, *patterns):
        self.urlpatterns = list(patterns)


@pytest.mark.parametrize(
    "view",
    [Undeclared.as_view(), Empty.as_view(), Plain.as_view(), function, undeclared_function],
    ids=["class", "empty list", "view of Django", "function", "function of DRF"],
)
def test_a_route_that_declares_no_permission_is_found(settings, view):
    settings.ROOT_URLCONF = Routes(path("a/", include([path("b/", view)])))

    (finding,) = routes_declare_permissions()
    assert finding.id == "quintet.E001"
    assert "/a/b/" in finding.msg
    assert "declares" in finding.hint


@pytest.mark.parametrize(
    "view",
    [
        Declared.as_view(),
        Undeclared.as_view(permission_classes=[Public]),
        declares(Public)(function),
        declares(Public)(Plain.as_view()),
        declared_function,
    ],
    ids=["class", "route", "function", "view of Django", "function of DRF"],
)
def test_a_route_that_declares_its_permission_is_fine(settings, view):
    settings.ROOT_URLCONF = Routes(path("a/", view))

    assert routes_declare_permissions() == []


def test_an_action_that_declares_no_permission_is_found(settings):
    settings.ROOT_URLCONF = Routes(path("a/", include(router.urls)))

    (finding,) = routes_declare_permissions()
    assert finding.id == "quintet.E002"
    assert finding.msg == "Shelf.forgotten at /a/shelf/forgotten/ declares no permission."
    assert '"forgotten"' in finding.hint


def test_an_action_that_declares_an_empty_list_is_found(settings):
    settings.ROOT_URLCONF = Routes(path("a/", Careless.as_view({"get": "list"})))

    assert ids(routes_declare_permissions()) == ["quintet.E002"]


@pytest.mark.parametrize(
    "view", [Overriding.as_view(), Skipping.as_view({"get": "list"})], ids=["class", "viewset"]
)
def test_a_view_that_decides_past_its_declaration_is_found(settings, view):
    settings.ROOT_URLCONF = Routes(path("a/", view))

    (finding,) = routes_declare_permissions()
    assert finding.id == "quintet.E016"
    assert "_permissions" in finding.msg


def test_the_project_of_these_tests_is_fine():
    assert ids(routes_declare_permissions()) == []
