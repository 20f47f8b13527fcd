from __future__ import annotations

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.test import override_settings

from quintet.auth import Principal
from quintet.testing import ServiceTestCase
from quintet.testing import cases as module


@override_settings(ROOT_URLCONF="tests.testing.doors")
class TestTheCase(ServiceTestCase):
    def test_an_error_is_checked_and_returned(self):
        response = self.client.get("/nothing/")

        error = self.assert_error_response(response, "NOT_FOUND", 404)

        assert error["message"] == "There is nothing here."

    def test_another_code_fails(self):
        response = self.client.get("/nothing/")

        with pytest.raises(AssertionError):
            self.assert_error_response(response, "CONFLICT", 404)

    def test_another_status_fails(self):
        response = self.client.get("/whoami/")

        with pytest.raises(AssertionError, match="anonymous"):
            self.assert_error_response(response, "NOT_FOUND", 404)

    def test_the_client_can_be_somebody(self):
        assert self.client.as_service("orders").get("/whoami/").json()["kind"] == "service"

    def test_where_users_live_elsewhere_a_principal_is_made(self):
        first, second = self.create_test_user(), self.create_test_user()

        assert isinstance(first, Principal)
        assert first.user_id != second.user_id


class Row(AbstractBaseUser):
    """A user model that remembers instead of saving."""

    class Meta:
        app_label = "project"
        managed = False

    saved = False

    def __init__(self, **columns):
        self.columns = columns

    def set_password(self, raw_password):
        self.password_given = raw_password

    def save(self):
        self.saved = True


def test_a_row_is_saved_with_defaults_and_a_password(monkeypatch):
    monkeypatch.setattr(module, "get_user_model", lambda: Row)

    row = ServiceTestCase().create_test_user(username="mary", password="secret")

    assert row.saved
    assert row.columns["username"] == "mary"
    assert row.columns["email"].endswith("@example.com")
    assert row.password_given == "secret"
