from __future__ import annotations

import pytest
from django.test import RequestFactory

from quintet.auth import ANONYMOUS, Principal
from quintet.views.throttling.callers import key_of


def asking(*, user=None, client_ip=None, **meta):
    request = RequestFactory().get("/", **meta)
    if user is not None:
        request.user = user
    if client_ip is not None:
        request.client_ip = client_ip
    return request


def key(**described):
    return key_of(asking(**described), "login\n")


JOHN = Principal(kind="user", subject="7", user_id=7)


def test_a_principal_is_the_same_caller_from_everywhere():
    assert key(user=JOHN, client_ip="192.0.2.1") == key(user=JOHN, client_ip="192.0.2.2")


def test_a_user_and_a_service_of_the_same_name_are_two_callers():
    service = Principal(kind="service", subject="7", service="7")

    assert key(user=JOHN, client_ip="192.0.2.1") != key(user=service, client_ip="192.0.2.1")


@pytest.mark.parametrize("nobody", [None, ANONYMOUS, "somebody of another kind"])
def test_nobody_is_an_address(nobody):
    assert key(user=nobody, client_ip="192.0.2.1") == key(client_ip="192.0.2.1")
    assert key(user=nobody, client_ip="192.0.2.1") != key(user=nobody, client_ip="192.0.2.2")


def test_a_user_who_is_named_like_an_address_is_another_caller():
    named = Principal(kind="user", subject="192.0.2.1")

    assert key(user=named, client_ip="192.0.2.9") != key(client_ip="192.0.2.1")


def test_all_addresses_of_one_household_are_one_caller():
    assert key(client_ip="2001:db8::1") == key(client_ip="2001:db8::ffff:ffff:ffff:ffff")
    assert key(client_ip="2001:db8::1") != key(client_ip="2001:db8:0:1::1")


def test_without_the_middleware_the_address_is_that_of_the_connection():
    spoofed = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}

    assert key(**spoofed) == key(client_ip="192.0.2.1")


def test_a_connection_without_an_address_is_a_caller_as_well():
    assert key(client_ip="") == key(REMOTE_ADDR="")


def test_the_limits_of_one_caller_are_counted_apart():
    request = asking(user=JOHN)

    assert key_of(request, "login\n5/minute\n") != key_of(request, "search\n5/minute\n")


@pytest.mark.parametrize("subject", ["7", "x" * 100_000, "\n*{}\r\n\x00", "\ud800"])
def test_a_key_is_a_number_of_one_length_whatever_the_caller_is_called(subject):
    named = key(user=Principal(kind="user", subject=subject))

    assert len(named) == 32
    assert int(named, 16)
