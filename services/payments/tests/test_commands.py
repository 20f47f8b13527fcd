"""What is done from a shell."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

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

    assert said("reconcile_payments") == "settled 1\n"
    assert said("reconcile_payments") == "settled 0\n"
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


def test_totals_are_told_to_people_and_programs(taken):
    assert said("payments_totals") == "EUR payments 1 captured 3998 refunded 0\n"
    assert json.loads(said("payments_totals", json=True)) == [
        {"currency": "EUR", "payments": 1, "captured": 3998, "refunded": 0}
    ]
