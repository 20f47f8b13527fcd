"""What is done from a shell."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from payments import domain
from payments.clients import NoAnswer
from payments.models import Payment, Status


def said(command, **options):
    out = io.StringIO()
    call_command(command, stdout=out, **options)
    return out.getvalue()


def test_reconciling_settles_what_is_unknown(db, wanted):
    with pytest.raises(domain.OutcomeUnknown):
        domain.authorise(wanted(method="card-timeout"))

    assert said("reconcile_payments") == "settled 1, unknown 0\n"
    assert said("reconcile_payments") == "settled 0, unknown 0\n"
    assert Payment.objects.get().status == Status.AUTHORISED


def test_a_provider_that_stays_silent_is_an_error(db, wanted, provider):
    def stay_silent(instruction):
        raise NoAnswer(instruction.key)

    provider.before = stay_silent
    with pytest.raises(domain.OutcomeUnknown):
        domain.authorise(wanted())

    with pytest.raises(CommandError, match="silent about 1"):
        said("reconcile_payments")

    assert Payment.objects.get().status == Status.AUTHORISING


def test_reconciling_can_be_repeated_for_ever(db, monkeypatch):
    naps = []

    def nap(seconds):
        naps.append(seconds)
        if len(naps) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", nap)
    with pytest.raises(KeyboardInterrupt):
        said("reconcile_payments", every_seconds=60.0)

    assert naps == [60.0] * 3


def test_totals_are_told_to_people_and_programs(taken):
    assert said("payments_totals") == "EUR payments 1 captured 3998 refunded 0\n"
    assert json.loads(said("payments_totals", json=True)) == [
        {"currency": "EUR", "payments": 1, "captured": 3998, "refunded": 0}
    ]


def test_a_database_that_is_away_ends_one_run_but_no_repetition(monkeypatch):
    naps = iter([None])
    monkeypatch.setattr(domain, "reconcile", away)
    monkeypatch.setattr("time.sleep", lambda _: next(naps))

    with pytest.raises(OperationalError):
        call_command("reconcile_payments")
    with pytest.raises(StopIteration):
        call_command("reconcile_payments", every_seconds=1)


def away(*_, **__):
    raise OperationalError
