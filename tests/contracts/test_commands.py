from __future__ import annotations

import json
import shutil
import subprocess
import sys


def verdict_of(document):
    return document["components"]["schemas"]["Verdict"]


def promise_more(document):
    verdict_of(document)["properties"]["mood"] = {"type": "string"}
    verdict_of(document)["required"].append("mood")


def promise_less(document):
    del verdict_of(document)["properties"]["score"]
    verdict_of(document)["required"].remove("score")


def test_a_contract_that_is_kept_is_said_to_be(system, quintet):
    ended = quintet("openapi", "write", "--check")

    assert (ended.exit_code, ended.output) == (0, "every contract says what the code says\n")


def test_a_check_writes_nothing_and_names_what_does(contract, quintet):
    file = contract(promise_less)
    before = file.read_text()

    ended = quintet("openapi", "write", "--check")

    assert ended.exit_code == 1
    assert "validation.openapi.json: compatible\n" in ended.output
    assert "components > schemas > Verdict > properties > score is new" in ended.output
    assert "next: quintet openapi write validation" in ended.output
    assert file.read_text() == before


def test_what_nobody_can_stumble_over_is_written(contract, quintet, pytestconfig):
    file = contract(promise_less)

    ended = quintet("openapi", "write", "validation")

    assert ended.exit_code == 0
    assert file.read_text() == (pytestconfig.rootpath / "contracts" / file.name).read_text()


def test_what_callers_can_stumble_over_is_written_on_demand_only(contract, quintet):
    file = contract(promise_more)

    refused = quintet("openapi", "write")
    mood = "mood" in json.loads(file.read_text())["components"]["schemas"]["Verdict"]["required"]
    written = quintet("openapi", "write", "--breaking")

    assert (refused.exit_code, mood, written.exit_code) == (1, True, 0)
    assert "in the answer 200 mood is not promised any more" in refused.output
    assert "/api/v2/" in refused.output
    assert "mood" not in file.read_text()


def test_a_contract_is_the_same_whatever_the_shell_of_its_writer_says(system, quintet, monkeypatch):
    monkeypatch.setenv("SERVICE_VERSION", "9.9.9")
    monkeypatch.setenv("RATE_LIMIT", "1/minute")

    assert quintet("openapi", "write", "--check").exit_code == 0


def test_a_contract_that_is_no_json_is_named(system, quintet):
    file = system / "contracts" / "validation.openapi.json"
    file.write_text("<<<<<<< mine")

    ended = quintet("openapi", "write")

    assert ended.exit_code == 1
    assert f"{file} is no JSON" in ended.output


def test_a_service_that_is_not_there_is_named(system, quintet):
    ended = quintet("openapi", "write", "valuation")

    assert (ended.exit_code, "'valuation'" in ended.output) == (1, True)


def test_a_service_that_cannot_start_says_why(system, quintet):
    (system / "quintet.yaml").write_text("services: {broken: {path: broken}}")
    (system / "broken").mkdir()
    (system / "broken" / "manage.py").write_text("raise SystemExit('the settings are wrong')")

    ended = quintet("openapi", "write")

    assert ended.exit_code == 1
    assert "the settings are wrong" in ended.output


def test_the_commands_do_not_import_django():
    """A service is asked in a process of its own, with its own settings."""
    code = "import sys, quintet.contracts.commands; sys.exit('django' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_schemas_are_written_and_then_kept(events, quintet):
    folder = events / "contracts" / "events"
    before = {file.name: file.read_text() for file in folder.iterdir()}
    shutil.rmtree(folder)

    missing = quintet("events", "write", "--check")
    written = quintet("events", "write", "orders")
    kept = quintet("events", "write", "--check")

    assert (missing.exit_code, written.exit_code, kept.exit_code) == (1, 0, 0)
    assert "orders.order.confirmed.v1.schema.json: new" in missing.output
    assert {file.name: file.read_text() for file in folder.iterdir()} == before


def test_a_version_that_was_promised_is_not_written_over(events, quintet):
    file = events / "contracts" / "events" / "orders.order.cancelled.v1.schema.json"
    schema = json.loads(file.read_text())
    schema["properties"]["reason"] = {"type": "string"}
    schema["required"].append("reason")
    file.write_text(json.dumps(schema))

    ended = quintet("events", "write")

    assert ended.exit_code == 1
    assert "reason is not promised any more" in ended.output
    assert "publish a class with version = 2 beside it" in ended.output
    assert json.loads(file.read_text()) == schema


def test_a_handler_of_what_nobody_promises_is_named(events, quintet):
    (events / "contracts" / "events" / "orders.order.cancelled.v1.schema.json").unlink()

    ended = quintet("events", "write", "--check", "payments")

    assert ended.exit_code == 1
    assert "payments.cancel_receipt handles orders.order.cancelled.v1" in ended.output
