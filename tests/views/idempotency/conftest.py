from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from quintet.testing import identity
from quintet.testing.api import Api
from quintet.views.idempotency.models import KeyRecord
from tests.project.models import Book
from tests.views.idempotency.doors import Faults


@pytest.fixture(autouse=True)
def faults():
    Faults.waiting, Faults.meanwhile = [], []
    return Faults


@pytest.fixture
def reader():
    """Somebody with a token, to whom a failure is an answer."""
    return identity.as_user(Api(raise_request_exception=False), 7)


@pytest.fixture
def ask(reader):
    """Puts a book on the shelf under a key."""

    def asked(key="k1", *, path="/books/", title="Walden", by=reader, method="post"):
        headers = {} if key is None else {"Idempotency-Key": key}
        return getattr(by, method)(path, {"title": title}, headers=headers)

    return asked


def titles():
    return sorted(Book.objects.values_list("title", flat=True))


def later(seconds):
    """Let the table of the keys believe that so much time has passed."""
    passed = timedelta(seconds=seconds)
    KeyRecord.objects.update(
        lease_ends_at=F("lease_ends_at") - passed, expires_at=F("expires_at") - passed
    )
