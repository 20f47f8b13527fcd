"""What services promise one another is written down, and is what their code says."""

from __future__ import annotations

from functools import cache

import pytest

from quintet.contracts import drift
from quintet.contracts.clients import clients_of
from quintet.contracts.promised import Promised, promised_by
from quintet.fleet import description
from tests.house.source import ROOT

SYSTEM = description.load(ROOT / "quintet.yaml")


@cache
def promised(service: str) -> Promised:
    return promised_by(service, ROOT / SYSTEM.services[service].path)


@pytest.mark.parametrize("service", SYSTEM.services)
def test_a_service_answers_what_its_contract_says(service):
    found = drift.of_openapi(ROOT, service, wanted=promised(service).openapi)

    assert found is None, "\n".join([*found.lines(), f"next: {found.remedy}"])


CALLERS = [name for name, service in SYSTEM.services.items() if service.calls]


@pytest.mark.parametrize("caller", CALLERS)
def test_a_service_calls_others_by_clients_that_say_what_their_contracts_say(caller):
    """A client is generated of each service that is called."""
    made = list(clients_of(ROOT, SYSTEM, caller))

    assert {one.service for one in made} == set(SYSTEM.services[caller].calls)
    assert [one.title for one in made if not one.is_written] == [], "next: quintet openapi client"
