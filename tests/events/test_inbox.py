from __future__ import annotations

import uuid

import pytest

from quintet.events import inbox
from quintet.events.models import InboxEvent

pytestmark = pytest.mark.django_db


def test_old_entries_are_forgotten_a_few_at_a_time():
    for _ in range(5):
        InboxEvent.objects.create(handler="remember", event_id=uuid.uuid4())
    assert inbox.pruned(older_than_seconds=60, limit=3) == 0

    forgotten = [inbox.pruned(older_than_seconds=-1, limit=3) for _ in range(3)]

    assert forgotten == [3, 2, 0]
