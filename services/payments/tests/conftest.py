"""A provider that answers at once, money that is wanted, and many who want it together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, connections
from django.utils import timezone

from payments import domain
from payments.clients import MemoryBook, RecordingProvider, Simulator, use_provider
from payments.models import Payment


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory):
    """Give SQLite a file: threads share no database that lives in memory."""
    if connection.vendor == "sqlite":
        place = tmp_path_factory.mktemp("database") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(place)


@pytest.fixture
def naps():
    """How long the simulator has slept, instead of sleeping."""
    return []


@pytest.fixture(autouse=True)
def provider(naps):
    """A provider that forgets everything after the test, and records what it is told."""
    simulator = Simulator(MemoryBook(), timeout_seconds=2.0, slow_seconds=0.5, sleep=naps.append)
    made = RecordingProvider(simulator)
    with use_provider(made):
        yield made


@pytest.fixture
def deeds(provider):
    """Tell what the provider was told to do, in order."""
    return lambda: [str(instruction.deed) for instruction in provider.instructions]


@pytest.fixture
def wanted():
    """Say whose money to hold."""

    def wanted(reference="order-1", **changes):
        values = {"user_id": 7, "amount": 3998, "currency": "EUR", "method": "card-ok", **changes}
        return domain.Wanted(reference=reference, **values)

    return wanted


@pytest.fixture
def held(db, wanted):
    """A payment whose money is held."""
    return domain.authorise(wanted())[0]


@pytest.fixture
def taken(held):
    """A payment whose money was taken."""
    return domain.capture(held.reference)


@pytest.fixture
def forsake(db):
    """Let the lease of every payment end, as if its request had died long ago."""

    def forsake():
        Payment.objects.update(leased_until=timezone.now() - timedelta(seconds=1))

    return forsake


@pytest.fixture
def at_once():
    """Run a deed in many threads that start together, and return what each of them got."""

    def at_once(deed, times):
        start = Barrier(times)

        def one(number):
            start.wait()
            try:
                return deed(number)
            except Exception as error:  # noqa: BLE001 - the test judges it
                return error
            finally:
                connections.close_all()

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(one, range(times)))

    return at_once
