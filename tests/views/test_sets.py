from __future__ import annotations

from types import SimpleNamespace

import pytest

from quintet.auth import Denied, Principal
from tests.project.models import Book
from tests.views.shelf import BookViewSet

pytestmark = [pytest.mark.urls("tests.views.shelf"), pytest.mark.django_db]

BOOKS = "/api/v1/books/"


@pytest.fixture
def book():
    return Book.objects.create(owner_id=7, title="Momo", pages=300)


@pytest.fixture
def here(book):
    return f"{BOOKS}{book.pk}/"


def test_an_action_is_open_to_whom_it_names(api, here):
    assert api.as_user(7).get(here).json()["title"] == "Momo"


def test_nobody_without_a_token_gets_in(api, here):
    response = api.get(here)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("credentials", ["Bearer forged", "Bearer ", "bearer a.b.c"])
def test_whoever_shows_a_wrong_token_is_told_that_it_is_the_token(api, here, credentials):
    response = api.get(here, HTTP_AUTHORIZATION=credentials)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_another_scheme_is_no_wrong_token(api, here):
    response = api.get(here, HTTP_AUTHORIZATION="Basic am9objpzZWNyZXQ=")

    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")


def test_an_action_that_is_not_named_is_denied_even_to_staff(api):
    response = api.as_staff().get(f"{BOOKS}forgotten/")

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "PERMISSION_ERROR"


def test_an_action_for_a_service_is_closed_to_users(api, here):
    assert api.as_staff().post(f"{here}burn/").status_code == 403
    assert api.as_service("fire").post(f"{here}burn/").status_code == 200


def test_a_foreign_object_does_not_exist(api, here):
    response = api.as_user(8).get(here)

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "NOT_FOUND"


def test_staff_see_the_objects_of_everybody(api, here):
    assert api.as_staff(1).get(here).status_code == 200


def test_a_service_owns_nothing(api, book):
    assert api.as_service("fire").get(BOOKS).status_code == 403


def test_several_permissions_have_to_agree(api):
    made = api.as_user(9).post(BOOKS, {"title": "Dune", "pages": 900})

    assert made.status_code == 201
    assert Book.objects.get(pk=made.json()["id"]).owner_id == 9


def test_an_owner_is_checked_by_the_object_too(api, here):
    changed = api.as_user(7).put(here, {"title": "Momo", "pages": 301})
    refused = api.as_staff(1).put(here, {"title": "Momo", "pages": 302})

    assert (changed.status_code, refused.status_code) == (200, 403)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_method_without_an_action_is_a_405_that_names_the_others(api, method):
    response = getattr(api, method)(BOOKS)

    assert response.status_code == 405
    assert response["Allow"] == "GET, POST, HEAD"
    assert response.json()["error"]["details"]["allowed"] == ["GET", "POST", "HEAD"]


def test_a_success_names_the_methods_that_are_offered(api, here):
    assert api.as_user(7).get(here)["Allow"] == "GET, PUT, PATCH, DELETE, HEAD"


def test_options_describe_nothing(api, here):
    assert api.options(here).status_code == 405


def test_a_query_string_is_judged_after_the_caller(api):
    assert api.get(BOOKS, {"nonsense": 1}).status_code == 401


def test_a_key_that_is_no_key_is_not_found(api):
    for key in ("x", "%00", "9" * 40, "1.5", "-1"):
        assert api.as_user(7).get(f"{BOOKS}{key}/").status_code == 404


def test_what_belongs_to_nobody_does_not_belong_to_a_service():
    service = Principal(kind="service", subject="fire", service="fire")
    view = BookViewSet(request=SimpleNamespace(user=service))

    assert view.owned(Book.objects.all()).query.is_empty()


@pytest.mark.parametrize("declared", [[], (), None])
def test_an_action_that_declares_nothing_in_so_many_words_is_denied(declared):
    view = BookViewSet(action="list", permissions={"list": declared})

    assert [type(permission) for permission in view.get_permissions()] == [Denied]
