from __future__ import annotations

import pytest

pytestmark = pytest.mark.urls("tests.views.idempotency.doors")


@pytest.fixture
def operations(api):
    document = api.get("/openapi.json").json()
    return {path: next(iter(methods.values())) for path, methods in document["paths"].items()}


def keys(operation):
    return [it for it in operation.get("parameters", ()) if it["name"] == "Idempotency-Key"]


def test_the_document_says_where_a_key_is_required(operations):
    (parameter,) = keys(operations["/books/"])

    assert (parameter["in"], parameter["required"]) == ("header", True)


def test_the_document_says_where_a_key_may_be_sent(operations):
    (parameter,) = keys(operations["/books/{id}/"])

    assert "required" not in parameter
