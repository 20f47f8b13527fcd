"""Every setting, check, error and command is documented, and every link leads somewhere."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

import click
import pytest

from quintet import errors
from quintet.cli import commands
from quintet.settings import ServiceSettings
from tests.house.source import ROOT, tracked, tree

DOCS = ROOT / "docs"


def page(word: str) -> str:
    return (DOCS / f"{word}.md").read_text(encoding="utf-8")


def test_every_setting_is_on_the_settings_page():
    declared = {name for name in ServiceSettings.__annotations__ if name.isupper()}

    assert declared
    assert {name for name in declared if f"`{name}`" not in page("settings")} == set()


def test_every_error_and_its_code_is_on_the_errors_page():
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.ServiceException)
    ]

    assert len(classes) > 4
    text = page("errors")
    assert [
        c.__name__ for c in classes if c.__name__ not in text or c.default_code not in text
    ] == []


def test_every_check_is_on_the_checks_page():
    source = "\n".join(path.read_text(encoding="utf-8") for path in tracked("src/quintet/checks*"))
    ids = set(re.findall(r"quintet\.[EW]\d{3}", source))

    assert ids
    assert {name for name in ids if name not in page("checks")} == set()


def test_every_command_is_on_the_cli_page():
    names = set(commands.list_commands(click.Context(commands)))

    assert names >= {"up", "down", "wait", "status", "logs", "restart", "manage", "demo", "test"}
    assert {name for name in names if f"quintet {name}" not in page("cli")} == set()


METRICS = {"Counter", "Count", "Gauge", "Level", "Histogram", "Durations", "Summary"}


def test_every_metric_of_the_chassis_is_on_the_telemetry_page():
    named = {
        node.args[0].value
        for path in tracked("src/quintet/*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in METRICS
        if node.args and isinstance(node.args[0], ast.Constant)
    }

    assert len(named) > 4
    assert {name for name in named if f"`{name}" not in page("telemetry")} == set()


@pytest.mark.parametrize("path", tracked("docs/decisions/*.md"), ids=lambda path: path.name)
def test_every_decision_says_context_decision_and_price(path):
    text = path.read_text(encoding="utf-8").lower()

    assert [part for part in ("## context", "## decision", "## price") if part not in text] == []


@dataclass(frozen=True)
class Link:
    page: str
    target: str


def links() -> list[Link]:
    pattern = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
    return [
        Link(str(path.relative_to(ROOT)), target)
        for path in tracked("*.md")
        for target in pattern.findall(path.read_text(encoding="utf-8"))
    ]


def test_every_relative_link_leads_somewhere():
    broken = [
        link for link in links() if not (ROOT / link.page).parent.joinpath(link.target).exists()
    ]

    assert broken == []
