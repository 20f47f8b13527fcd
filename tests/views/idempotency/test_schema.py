from __future__ import annotations

import pytest
from drf_spectacular.generators import SchemaGenerator

from tests.views.idempotency import doors


@pytest.fixture
def operations():
    document = SchemaGenerator(patterns=doors.urlpatterns).get_schema(request=None, public=True)
    return {path: next(iter(methods.values())) for path, methods in document["paths"].items()}


def keys(operation):
    return [it for it in operation.get("parameters", ()) if it["name"] == "Idempotency-Key"]


def test_the_document_says_where_a_key_is_required(operations):
    (parameter,) = keys(operations["/books/"])

    assert (parameter["in"], parameter["required"]) == ("header", True)


def test_the_document_says_where_a_key_may_be_sent(operations):
    (parameter,) = keys(operations["/books/{id}/"])

    assert "required" not in parameter
