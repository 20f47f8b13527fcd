from __future__ import annotations

import pytest

from quintet.testing.contract import operations, unsaid

pytestmark = pytest.mark.urls("tests.views.shelf")


def test_every_operation_is_named_by_method_and_path():
    assert {"GET /api/v1/books/", "POST /api/v1/books/{id}/burn/"} <= operations()


def test_what_an_operation_leaves_unsaid_is_named():
    found = unsaid()

    assert "GET /api/v1/books/: summary" in found
    assert "POST /api/v1/books/: example of request" in found


def test_what_is_warned_about_is_unsaid():
    assert any("shelf.py" in finding for finding in unsaid())
