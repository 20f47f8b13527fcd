from __future__ import annotations

import json
import shutil

import pytest
import yaml
from click.testing import CliRunner

from quintet.cli import commands

REGISTRATION = """[tool.quintet.clients.validation.judge]
operation = "POST /api/v1/validate/"
"""
SYSTEM = "services: {validation: {path: services/validation}}"


@pytest.fixture
def system(tmp_path, monkeypatch, pytestconfig):
    """A system of one real service, with a folder of contracts of its own."""
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "validation").symlink_to(
        pytestconfig.rootpath / "services" / "validation"
    )
    (tmp_path / "quintet.yaml").write_text(SYSTEM)
    shutil.copytree(pytestconfig.rootpath / "contracts", tmp_path / "contracts")
    monkeypatch.setenv("QUINTET_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def events(system, pytestconfig):
    """The same with a service that publishes events, and one that handles them."""
    description = yaml.safe_load((pytestconfig.rootpath / "quintet.yaml").read_text())
    services = description["services"]
    for name in ("orders", "payments"):
        (system / services[name]["path"]).symlink_to(pytestconfig.rootpath / services[name]["path"])
        services[name] |= {"calls": [], "depends_on": []}
    description["services"] = {name: services[name] for name in ("orders", "payments")}
    (system / "quintet.yaml").write_text(yaml.safe_dump(description))
    return system


@pytest.fixture
def quintet():
    """Run the command line in this process."""

    def run(*words):
        return CliRunner().invoke(commands, words)

    return run


@pytest.fixture
def contract(system):
    """Change what the contract of the service says."""
    file = system / "contracts" / "validation.openapi.json"

    def change(edit):
        document = json.loads(file.read_text())
        edit(document)
        file.write_text(json.dumps(document))
        return file

    return change
