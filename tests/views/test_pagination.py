from __future__ import annotations

import pytest

from tests.project.models import Book

pytestmark = [pytest.mark.urls("tests.views.shelf"), pytest.mark.django_db]

BOOKS = "/api/v1/books/"


@pytest.fixture
def reader(api):
    return api.as_user(7)


@pytest.fixture
def shelf():
    return Book.objects.bulk_create(
        Book(owner_id=7, title=f"Book {number:03}", pages=number % 2) for number in range(105)
    )


def test_a_page_says_where_it_stands(reader, shelf):
    page = reader.get(BOOKS, {"page": 2, "page_size": 50}).json()

    assert [book["title"] for book in page["results"]][::49] == ["Book 050", "Book 099"]
    assert page["pagination"] == {
        "page": 2,
        "page_size": 50,
        "count": 105,
        "pages": 3,
        "next": "/api/v1/books/?page=3&page_size=50",
        "previous": "/api/v1/books/?page=1&page_size=50",
    }


def test_a_page_holds_twenty_unless_asked_otherwise(reader, shelf):
    page = reader.get(BOOKS).json()

    assert len(page["results"]) == 20
    assert page["pagination"]["previous"] is None


def test_a_page_is_never_longer_than_the_cap(reader, shelf):
    page = reader.get(BOOKS, {"page_size": 1_000_000}).json()

    assert len(page["results"]) == 100
    assert page["pagination"]["page_size"] == 100


def test_the_references_lead_through_all_pages(reader, shelf):
    here, seen = BOOKS, []
    while here:
        page = reader.get(here).json()
        seen += [book["id"] for book in page["results"]]
        here = page["pagination"]["next"]

    assert sorted(seen) == sorted(book.pk for book in shelf)


def test_rows_that_are_equal_stand_on_one_page_each(reader, shelf):
    asked = [
        reader.get(BOOKS, {"ordering": "pages", "page_size": 10, "page": n}) for n in range(1, 12)
    ]

    seen = [book["id"] for page in asked for book in page.json()["results"]]
    assert len(set(seen)) == 105


def test_an_empty_list_is_one_empty_page(reader):
    page = reader.get(BOOKS).json()

    assert page["results"] == []
    assert page["pagination"]["pages"] == 1


@pytest.mark.parametrize("name", ["page", "page_size"])
@pytest.mark.parametrize("value", ["0", "-1", "x", "", "last", "1.5", "٣", "1" * 19])
def test_a_page_that_is_no_positive_number_is_refused(reader, name, value):
    response = reader.get(BOOKS, {name: value})

    assert response.status_code == 400
    assert name in response.json()["error"]["details"]["field_errors"]


def test_a_page_behind_the_last_is_not_found(reader, shelf):
    response = reader.get(BOOKS, {"page": 7})

    assert response.status_code == 404
    assert response.json()["error"]["message"] == "There is no such page."
