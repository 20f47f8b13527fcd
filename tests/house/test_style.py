"""The budgets of the house style, kept by counting."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.source import ROOT, functions, product_files, shown, tracked

LONGEST_FUNCTION = 50
LONGEST_MODULE = 400
LONGEST_SETTINGS = 60
SUPPRESSIONS_PER_THOUSAND_LINES = 10
SAYS_NOTHING = {
    "utils",
    "util",
    "common",
    "helpers",
    "helper",
    "core",
    "lib",
    "base",
    "manager",
    "misc",
}
NAMED_BY_DJANGO = {f"src/quintet/database/{kind}/base.py" for kind in ("postgresql", "sqlite3")}


@pytest.mark.parametrize("path", product_files(), ids=shown)
def test_no_module_is_longer_than_its_budget(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", product_files(), ids=shown)
def test_no_function_is_longer_than_its_budget(path):
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in functions(path)
        if node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    ]

    assert long == []


@pytest.mark.parametrize("path", product_files(), ids=shown)
def test_no_function_takes_more_than_three_things_by_position(path):
    """Two, and the object that the method belongs to."""
    greedy = [
        node.name
        for node in functions(path)
        if len([a for a in node.args.args if a.arg not in {"self", "cls", "request"}]) > 3
    ]

    assert greedy == []


def test_no_file_or_folder_has_a_name_that_explains_nothing():
    named = {
        shown(path)
        for path in tracked("*.py")
        for part in path.relative_to(ROOT).parts
        if part.removesuffix(".py") in SAYS_NOTHING
    }

    assert named == NAMED_BY_DJANGO


def test_the_settings_of_every_service_fit_on_one_page():
    pages = {
        shown(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in tracked("services/*/settings.py")
    }

    assert len(pages) == 5
    assert {name: lines for name, lines in pages.items() if lines > LONGEST_SETTINGS} == {}


def test_suppressions_are_few_and_carry_their_code_and_reason():
    found, lines, bare = 0, 0, []
    for path in product_files():
        text = path.read_text(encoding="utf-8")
        lines += len(text.splitlines())
        for match in re.finditer(r"# (?:noqa|type: ignore|pragma: no cover)(?P<rest>[^\n]*)", text):
            found += 1
            if not re.match(r"(:\s?[A-Z0-9, ]+|\[[a-z-, ]+\]).*[-—#].*\w", match["rest"]):
                bare.append(f"{shown(path)}: {match[0]}")

    assert bare == []
    assert found <= lines / 1000 * SUPPRESSIONS_PER_THOUSAND_LINES


def test_nothing_in_the_product_prints_or_sets_a_signal_handler_inside_a_service():
    """A signal handler in the application replaces the server's own, and loses requests."""
    guilty = [
        f"{shown(path)}:{node.lineno}"
        for path in product_files()
        if path.relative_to(ROOT).parts[0] == "services"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"signal.signal", "print"}
    ]

    assert guilty == []
