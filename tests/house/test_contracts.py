"""What services promise one another is written down, and is what their code says."""

from __future__ import annotations

from functools import cache

import pytest

from quintet.contracts import drift
from quintet.contracts.clients import callers_of, clients_of
from quintet.contracts.promised import Promised, promised_by
from quintet.contracts.quarrels import quarrels_of
from quintet.fleet import description
from tests.house.source import ROOT

SYSTEM = description.load(ROOT / "quintet.yaml")


@cache
def promised(service: str) -> Promised:
    return promised_by(service, ROOT / SYSTEM.services[service].path)


@pytest.mark.parametrize("service", SYSTEM.services)
def test_a_service_answers_what_its_contract_says(service):
    callers = callers_of(ROOT, SYSTEM, service)
    found = drift.of_openapi(ROOT, service, wanted=promised(service).openapi, callers=callers)

    assert found is None, "\n".join([*found.lines(), f"next: {found.remedy}"])


@pytest.mark.parametrize("service", SYSTEM.services)
def test_the_events_of_a_service_are_what_their_schemas_say(service):
    found = list(drift.of_events(ROOT, service, promised(service)))

    assert found == [], "\n".join(
        line for one in found for line in (*one.lines(), f"next: {one.remedy}")
    )


@pytest.mark.parametrize("service", SYSTEM.services)
def test_whoever_handles_an_event_reads_what_is_promised_and_quintet_yaml_says_so(service):
    found = list(
        quarrels_of(ROOT, service, service=SYSTEM.services[service], promised=promised(service))
    )

    assert found == [], "\n".join(f"{one.what}; next: {one.remedy}" for one in found)


def test_the_folder_of_contracts_holds_nothing_else():
    expected = {f"{service}.openapi.json" for service in SYSTEM.services}
    expected |= {
        f"events/{kind}.schema.json"
        for service in SYSTEM.services
        for kind in promised(service).publishes
    }

    folder = ROOT / "contracts"
    found = {str(it.relative_to(folder)) for it in folder.rglob("*") if it.is_file()}

    assert found == expected


CALLERS = [name for name, service in SYSTEM.services.items() if service.calls]


@pytest.mark.parametrize("caller", CALLERS)
def test_a_service_calls_others_by_clients_that_say_what_their_contracts_say(caller):
    """A client is generated of each service that is called."""
    made = list(clients_of(ROOT, SYSTEM, caller))

    assert {one.service for one in made} == set(SYSTEM.services[caller].calls)
    assert [one.title for one in made if not one.is_written] == [], "next: quintet openapi client"
