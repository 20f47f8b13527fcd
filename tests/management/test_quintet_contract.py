from __future__ import annotations

import json

import pytest
from django.core.management import call_command


@pytest.fixture
def told(capsys):
    call_command("quintet_contract")
    return json.loads(capsys.readouterr().out)


def test_a_service_tells_its_contract_in_one_line(told):
    assert told.keys() == {"openapi", "publishes", "handles"}
    assert told["openapi"]["info"]["title"] == "Project"
