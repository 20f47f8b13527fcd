"""Many at once, each in a thread with a connection of its own."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from rest_framework.test import APIClient

from users.models import Profile, User

AT_ONCE = 50

pytestmark = pytest.mark.django_db(transaction=True)


def register_all(bodies):
    barrier = threading.Barrier(len(bodies))

    def register(body):
        try:
            barrier.wait()
            response = APIClient().post("/api/v1/users/", body)
            rule = response.json().get("error", {}).get("details", {}).get("business_rule")
            return response.status_code, rule
        finally:
            connection.close()

    with ThreadPoolExecutor(len(bodies)) as pool:
        return Counter(pool.map(register, bodies))


def test_of_fifty_simultaneous_registrations_of_an_address_exactly_one_wins():
    spellings = ["john@example.com", "JOHN@example.com"]
    bodies = [
        {"username": f"user{number}", "email": spellings[number % 2]} for number in range(AT_ONCE)
    ]

    outcomes = register_all(bodies)

    assert outcomes == {(201, None): 1, (422, "unique_email"): AT_ONCE - 1}
    assert (User.objects.count(), Profile.objects.count()) == (1, 1)


def test_of_fifty_simultaneous_registrations_of_a_name_exactly_one_wins():
    bodies = [
        {"username": "john", "email": f"user{number}@example.com"} for number in range(AT_ONCE)
    ]

    outcomes = register_all(bodies)

    assert outcomes == {(201, None): 1, (422, "unique_username"): AT_ONCE - 1}


def test_of_fifty_identical_registrations_exactly_one_wins_and_the_address_is_named():
    outcomes = register_all([{"username": "john", "email": "john@example.com"}] * AT_ONCE)

    assert outcomes == {(201, None): 1, (422, "unique_email"): AT_ONCE - 1}
