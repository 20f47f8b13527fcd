from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from quintet.auth import Staff
from quintet.testing.api import Api
from quintet.views.functions import DECLARED
from tests.views import shelf

pytestmark = pytest.mark.urls("tests.views.shelf")

DOORS = ["/staff/", "/staff-later/"]


@pytest.mark.parametrize("url", DOORS)
def test_a_function_finds_out_who_asks(api, url):
    response = api.as_staff(7).get(url)

    assert (response.status_code, response.json()) == (200, {"subject": "7"})


@pytest.mark.parametrize("url", DOORS)
def test_a_function_is_closed_to_nobody_and_to_the_wrong_ones(url):
    nobody, user = Api(), Api().as_user(7)

    assert nobody.get(url).status_code == 401
    assert user.get(url).status_code == 403
    assert nobody.get(url, headers={"Authorization": "Bearer forged"}).status_code == 401


def test_an_async_function_is_closed_behind_an_async_server():
    response = async_to_sync(AsyncClient().get)("/staff-later/")

    assert response.status_code == 401


def test_what_a_function_declares_can_be_read():
    assert getattr(shelf.staff_only, DECLARED) is Staff
