from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import pytest
from django.core.management import call_command

from quintet.events.declared import Event, schema_of


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    name: ClassVar[str] = "project.door.opened"
    key: ClassVar[str] = "door_id"

    door_id: int


@pytest.fixture
def told(capsys):
    """What the service says of itself."""

    def tell():
        call_command("quintet_contract")
        (line,) = capsys.readouterr().out.splitlines()
        return json.loads(line)

    return tell


def test_a_service_tells_its_contract_in_one_line(told):
    contract = told()

    assert contract.keys() == {"openapi", "publishes", "handles"}
    assert contract["openapi"]["info"]["title"] == "Project"


def test_what_stands_in_the_events_of_an_application_is_published(told, monkeypatch):
    module = ModuleType("tests.project.events")
    module.Event, module.Opened, module.LIMIT = Event, Opened, 7
    monkeypatch.setitem(sys.modules, "tests.project.events", module)

    assert told()["publishes"] == {"project.door.opened.v1": schema_of(Opened)}


def test_a_service_without_events_needs_nothing_for_them(told, settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "quintet.events"]

    contract = told()

    assert (contract["publishes"], contract["handles"]) == ({}, {})
