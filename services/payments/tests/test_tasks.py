"""Work for later: it is done once, here or in a worker, and not forgotten when a task is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from payments import domain, tasks
from payments.handlers import OrderConfirmed
from payments.models import Payment, Receipt, Status
from payments.settings import PaymentsSettings
from quintet.settings import derive
from quintet.testing import servers
from quintet.testing.events import deliver

pytestmark = pytest.mark.django_db(transaction=True)

WRITTEN = "Receipt 1\nOrder order-1\nIssued {}\nPaid 3998 EUR, in its smallest unit"
PATIENCE_SECONDS = 20


@pytest.fixture(params=["here", "in a worker"])
def somewhere(request, settings):
    """Where the tasks of the service run."""
    if request.param == "here":
        yield
        return
    url = servers.cache_url(os.environ["QUINTET_TEST_REDIS_URL"], "payments-tasks")
    variables = {"BROKER_URL": url, "DATABASE_URL": database_url(), "SHUTDOWN_SECONDS": "5"}
    settings.QUINTET = PaymentsSettings.load(environ={**os.environ, **variables})
    settings.TASKS = derive.tasks(settings.QUINTET)
    with working(variables):
        yield


def database_url():
    """Where a process of its own finds the tables of the test."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"


@contextmanager
def working(variables):
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "quintet_tasks"], env={**os.environ, **variables}
    )
    try:
        yield
    finally:
        worker.terminate()
        assert worker.wait(PATIENCE_SECONDS) == 0


def confirm():
    deliver(OrderConfirmed(reference="order-1", user_id=7, total_amount=3998, currency="EUR"))


def document():
    return Receipt.objects.get().document


def until(condition):
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < ends_at
        time.sleep(0.05)
    return found


def written():
    """What stands on the receipt when its document was written."""
    return WRITTEN.format(f"{Receipt.objects.get().issued_at:%Y-%m-%d %H:%M} UTC")


def test_the_document_of_a_receipt_is_written_after_the_event(somewhere):
    confirm()

    assert until(document) == written()


def test_a_payment_that_a_crash_left_in_between_is_settled(somewhere):
    Payment.objects.create(
        reference="order-1",
        user_id=7,
        amount=3998,
        currency="EUR",
        method="card-ok",
        status=Status.AUTHORISING,
    )

    tasks.reconcile.enqueue()

    assert until(Payment.objects.filter(status=Status.AUTHORISED).exists)


def test_a_document_that_is_written_is_not_written_again(enqueued):
    confirm()
    Receipt.objects.update(document="as it was printed")

    domain.render_receipt("order-1")

    assert document() == "as it was printed"


def test_a_receipt_whose_task_was_lost_is_found(enqueued):
    confirm()

    now = timezone.now()
    early = domain.render_left_receipts(now)
    late = domain.render_left_receipts(now + timedelta(seconds=domain.RENDERING_SECONDS))

    assert (early, late, document()) == (0, 1, written())
    assert domain.render_left_receipts(now + timedelta(hours=1)) == 0


def test_receipts_that_were_found_are_a_warning(enqueued, captured_logs):
    confirm()
    Receipt.objects.update(issued_at=timezone.now() - timedelta(hours=1))

    tasks.render_left_receipts.func()

    (line,) = [line for line in captured_logs if line["message"] == "receipts had no document"]
    assert line["receipts"] == 1


def test_a_receipt_that_nobody_has_cannot_be_written():
    with pytest.raises(domain.NotFoundException):
        domain.render_receipt("order-1")


def test_a_silent_provider_is_a_warning_and_no_failure(wanted, provider, captured_logs, forsake):
    def stay_silent(instruction):
        raise domain.NoAnswer(instruction.key)

    provider.before = stay_silent
    with pytest.raises(domain.OutcomeUnknown):
        domain.authorise(wanted())
    forsake()

    tasks.reconcile.enqueue()

    (line,) = [line for line in captured_logs if line["message"] == "the provider is silent"]
    assert line["payments"] == 1
