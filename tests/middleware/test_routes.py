from __future__ import annotations

import pytest
from django.test import RequestFactory
from django.urls import ResolverMatch

from quintet.middleware.routes import route_of


@pytest.mark.parametrize(
    ("route", "written"),
    [
        ("api/v1/users/<str:pk>/", "/api/v1/users/<str:pk>/"),
        ("api/v1/^users/(?P<pk>[^/.]+)/$", "/api/v1/users/(?P<pk>[^/.]+)/"),
        ("^users/\\Z", "/users/"),
        ("", "/"),
    ],
)
def test_a_route_is_shown_as_a_path(route, written):
    request = RequestFactory().get("/")
    request.resolver_match = ResolverMatch(print, (), {}, route=route)

    assert route_of(request) == written


def test_an_unknown_url_has_no_route_of_its_own():
    assert route_of(RequestFactory().get("/x")) == "<unmatched>"
