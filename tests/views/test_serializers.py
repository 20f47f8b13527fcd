from __future__ import annotations

import pytest

from tests.project.models import Book
from tests.views.shelf import BasketSerializer, BookSerializer


def errors(data, serializer=BasketSerializer):
    judged = serializer(data=data)
    judged.is_valid()
    return judged.errors


def test_an_unknown_field_is_refused_by_name():
    assert errors({"lines": [], "nota": "x"}) == {"nota": ["Unknown field."]}


def test_an_unknown_field_is_reported_together_with_all_other_mistakes():
    found = errors({"nota": "x", "note": []})

    assert set(found) == {"lines", "nota", "note"}


def test_an_unknown_field_is_found_at_any_depth():
    found = errors({"lines": [{"quantity": 1}, {"quantity": 2, "price": 0}]})

    assert found == {"lines": {1: {"price": ["Unknown field."]}}}


def test_known_fields_pass():
    judged = BasketSerializer(data={"lines": [{"quantity": 1}], "note": "soon"})

    assert judged.is_valid()
    assert judged.validated_data == {"lines": [{"quantity": 1}], "note": "soon"}


@pytest.mark.parametrize("data", [[], "text", 1, None])
def test_what_is_no_object_is_refused(data):
    assert not BasketSerializer(data=data).is_valid()


def test_a_field_that_is_read_only_may_be_sent_back_and_changes_nothing():
    judged = BookSerializer(Book(owner_id=7), data={"id": 3, "owner_id": 8, "title": "Momo"})

    assert judged.is_valid()
    assert judged.validated_data == {"title": "Momo"}
