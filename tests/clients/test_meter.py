from __future__ import annotations

from contextlib import suppress

import pytest

from quintet import errors
from quintet.clients import ServiceClient, SparedException, meter, use_transport
from quintet.wire import Response


class Answering:
    def __init__(self, answer):
        self.answer = answer

    def send(self, _request):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def counted(outcome):
    return meter.CALLS.labels("users", outcome)._value.get()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Response(status=204), "ok"),
        (Response(status=404), "failed"),
        (Response(status=200, body=b"<html>"), "failed"),
        (errors.UnavailableException("Nobody."), "unavailable"),
        (errors.DeadlineException("Late."), "late"),
    ],
    ids=str,
)
def test_every_call_is_counted_by_how_it_ended(answer, outcome):
    before, taken = counted(outcome), meter.DURATION.labels("users")._sum.get()

    with use_transport(Answering(answer)), suppress(errors.ServiceException):
        ServiceClient("users").post("/")

    assert counted(outcome) == before + 1
    assert meter.DURATION.labels("users")._sum.get() > taken


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"),
        (SparedException("Not now."), "spared"),
        (errors.ConflictException("No."), "refused"),
        (errors.ValidationException("No."), "refused"),
        (errors.PermissionException(), "refused"),
    ],
    ids=str,
)
def test_the_words_for_the_ends_are_few(error, outcome):
    assert meter.outcome_of(error) == outcome
