"""The same word stands in the same place: chassis, tests, reference, services."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from tests.house.source import ROOT, tracked

SERVICES = ("users", "products", "orders", "payments", "validation")
STATELESS = {"validation"}
CHASSIS = ROOT / "src" / "quintet"
PAGES = {"conf": "settings", "wire": "clients"}
NOT_A_WORD = {"__init__", "__main__", "apps", "management"}


def words() -> list[str]:
    found = {path.relative_to(CHASSIS).parts[0].removesuffix(".py") for path in tracked("src/*.py")}
    return sorted(found - NOT_A_WORD)


@pytest.mark.parametrize("word", words())
def test_every_word_of_the_chassis_has_its_tests_and_its_reference_page(word):
    tests = ROOT / "tests"

    assert (tests / word).is_dir() or (tests / f"test_{word}.py").is_file()
    assert (ROOT / "docs" / f"{PAGES.get(word, word)}.md").is_file()


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_the_same_shape(name):
    folder = ROOT / "services" / name
    expected = {"README.md", "Dockerfile", "manage.py", "pyproject.toml", "tests/conftest.py"}
    modules = {"settings", "urls", "views", "domain", "apps", "asgi", "wsgi"}
    modules |= set() if name in STATELESS else {"models", "migrations"}

    missing = {file for file in expected if not (folder / file).is_file()}
    missing |= {
        module
        for module in modules
        if not ((folder / name / f"{module}.py").is_file() or (folder / name / module).is_dir())
    }

    assert missing == set()


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_card_says_the_same_six_things(name):
    card = (ROOT / "services" / name / "README.md").read_text(encoding="utf-8").lower()

    for heading in ("owns", "offers", "uses", "publishes", "handles", "runs as"):
        assert heading in card


def test_the_system_page_names_every_service_once():
    system = yaml.safe_load((ROOT / "quintet.yaml").read_text(encoding="utf-8"))

    assert sorted(system["services"]) == sorted(SERVICES)


def test_the_architecture_holds():
    linted = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert linted.returncode == 0, linted.stdout
