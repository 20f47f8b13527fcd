from __future__ import annotations

import pytest

from quintet.views.filters import Ordering, known_parameters
from tests.project.models import Book

pytestmark = [pytest.mark.urls("tests.views.shelf"), pytest.mark.django_db]

BOOKS = "/api/v1/books/"


@pytest.fixture
def reader(api):
    return api.as_user(7)


@pytest.fixture(autouse=True)
def shelf():
    for title, pages in (("Nausea", 300), ("Dune", 900), ("Momo", 300)):
        Book.objects.create(owner_id=7, title=title, pages=pages)


def titles(response):
    return [book["title"] for book in response.json()["results"]]


def test_a_list_is_narrowed_by_a_filter(reader):
    assert titles(reader.get(BOOKS, {"pages_min": 500})) == ["Dune"]


@pytest.mark.parametrize("search", ["a " * 11, "a," * 11, "a" * 201])
def test_a_search_that_would_keep_the_database_busy_is_refused(reader, search):
    response = reader.get(BOOKS, {"search": search})

    assert response.status_code == 400
    assert list(response.json()["error"]["details"]["field_errors"]) == ["search"]


def test_a_list_is_searched(reader):
    assert titles(reader.get(BOOKS, {"search": "mo"})) == ["Momo"]


def test_a_list_is_ordered_as_the_model_says(reader):
    assert titles(reader.get(BOOKS)) == ["Dune", "Momo", "Nausea"]


def test_a_list_is_ordered_by_a_wish_and_then_by_the_key(reader):
    assert titles(reader.get(BOOKS, {"ordering": "-pages"})) == ["Dune", "Nausea", "Momo"]


@pytest.mark.parametrize("wish", ["title", "pages,owner_id", "owner__password", "--pages"])
def test_an_ordering_that_is_not_on_the_list_is_refused(reader, wish):
    response = reader.get(BOOKS, {"ordering": wish})

    assert response.status_code == 400
    assert "ordering" in response.json()["error"]["details"]["field_errors"]


def test_a_filter_with_a_wrong_value_is_refused(reader):
    response = reader.get(BOOKS, {"pages_min": "many"})

    assert response.status_code == 400
    assert "pages" in response.json()["error"]["details"]["field_errors"]


@pytest.mark.parametrize("value", ["yes", "1x", "null"])
def test_a_truth_value_that_is_none_is_refused(reader, value):
    response = reader.get(BOOKS, {"lost": value})

    assert response.status_code == 400
    assert "lost" in response.json()["error"]["details"]["field_errors"]


@pytest.mark.parametrize(("value", "found"), [("true", 0), ("false", 3)])
def test_a_truth_value_is_understood(reader, value, found):
    assert len(titles(reader.get(BOOKS, {"lost": value}))) == found


@pytest.mark.parametrize("query", ["page_min=500", "pages=3", "format=json", "page_size=1&titel=x"])
def test_an_unknown_query_parameter_is_refused_and_the_known_are_named(reader, query):
    response = reader.get(f"{BOOKS}?{query}")

    assert response.status_code == 400
    (messages,) = response.json()["error"]["details"]["field_errors"].values()
    assert "lost, ordering, page, page_size, pages_max, pages_min, search" in messages[0]


def test_a_parameter_that_the_view_names_is_known(reader):
    assert reader.get(BOOKS, {"verbose": "1"}).status_code == 200


def test_a_single_object_knows_no_filter(reader):
    book = Book.objects.first()

    assert reader.get(f"{BOOKS}{book.pk}/", {"pages_min": 1}).status_code == 400


def test_a_list_without_filters_knows_its_pages_only(api):
    assert api.get("/api/v1/open/", {"ordering": "pages"}).status_code == 400
    assert api.get("/api/v1/open/", {"page": 1}).status_code == 200


def test_a_list_without_pages_knows_no_page():
    class Bare:
        filter_backends = ()
        paginator = None

    assert known_parameters(Bare()) == set()


def test_a_view_that_offers_all_fields_for_ordering_is_a_mistake():
    class Open:
        ordering_fields = "__all__"

    with pytest.raises(TypeError, match=r"Open\.ordering_fields has to name its fields"):
        Ordering().get_valid_fields(Book.objects.all(), Open())


def test_an_ordering_may_have_a_label():
    class Labelled:
        ordering_fields = (("pages", "Length"),)

    assert Ordering().get_valid_fields(Book.objects.all(), Labelled()) == [("pages", "Length")]


class Asked:
    query_params = {}


@pytest.mark.parametrize(
    ("ordering", "order_by"),
    [("-id", ("-id",)), ("-pk", ("-pk",)), ("pages", ("pages", "pk")), (None, ("title", "pk"))],
)
def test_every_ordering_ends_with_the_key(ordering, order_by):
    class Shown:
        ordering_fields = ("id", "pages")

    Shown.ordering = ordering
    ordered = Ordering().filter_queryset(Asked(), Book.objects.all(), Shown())

    assert ordered.query.order_by == order_by
