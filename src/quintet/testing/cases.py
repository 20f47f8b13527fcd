"""The test case of a service, for tests written as classes."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.test import TestCase

from quintet.auth import Principal
from quintet.testing.api import Api

if TYPE_CHECKING:
    from django.http import HttpResponse  # noqa: TID251 - a type only: responses end up in tests

_numbers = itertools.count(1)


class ServiceTestCase(TestCase):
    """Django's test case with a client for JSON, users, and a look at the error envelope."""

    client_class = Api
    client: Api

    def create_test_user(self, **columns: Any) -> Any:
        """Save a row of the project's user model; where users live elsewhere, give a principal."""
        number = next(_numbers)
        try:
            model = get_user_model()
        except ImproperlyConfigured:
            return Principal(kind="user", subject=str(number), user_id=number, **columns)
        password = columns.pop("password", None)
        defaults = {"username": f"user{number}", "email": f"user{number}@example.com"}
        user = model(**(defaults | columns))
        user.set_password(password)
        user.save()
        return user

    def assert_error_response(
        self, response: HttpResponse, error_code: str, status_code: int
    ) -> dict[str, Any]:
        """Check status, code and shape of an error; give its envelope for more assertions."""
        assert response.status_code == status_code, response.content
        error: dict[str, Any] = json.loads(response.content)["error"]
        parts = {"code", "message", "details", "correlation_id", "service", "timestamp"}
        assert parts == set(error)
        assert error["code"] == error_code
        return error
