from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from quintet.cli import CommandError, commands, find_root, print_json
from quintet.cli.group import COMMANDS


@pytest.fixture
def runner():
    return CliRunner()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_and_shows_an_example(runner, name):
    shown = runner.invoke(commands, [name, "--help"])

    assert shown.exit_code == 0
    assert "Example:" in shown.output


def test_help_lists_every_command(runner):
    shown = runner.invoke(commands, ["--help"]).output

    assert all(f"\n  {name} " in shown for name in COMMANDS)


def test_help_imports_neither_django_nor_a_command():
    code = (
        "import sys\nfrom quintet.cli import commands\n"
        "commands(['--help'], standalone_mode=False)\n"
        "print([m for m in sys.modules if m.startswith(('django', 'quintet.fleet', 'asyncio'))])"
    )

    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert said.splitlines()[-1] == "[]"


def test_the_fleet_imports_no_django():
    code = (
        "import sys\nimport quintet.fleet.demo, quintet.fleet.bringing_up, quintet.fleet.reload\n"
        "print([m for m in sys.modules if m.startswith('django')])"
    )

    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert said.strip() == "[]"


def test_an_unknown_command_is_a_misuse(runner):
    assert runner.invoke(commands, ["dance"]).exit_code == 2


def test_an_error_says_what_why_and_the_next_command(capsys):
    CommandError("it failed", why="the disk is full", remedy="quintet down").show()

    said = capsys.readouterr().err
    assert "error: it failed" in said
    assert "why:  the disk is full" in said
    assert "next: quintet down" in said


def test_an_error_leaves_with_one():
    assert CommandError("it failed").exit_code == 1


def test_data_is_printed_as_json(capsys):
    print_json({"a": [1]})

    assert capsys.readouterr().out == '{\n  "a": [\n    1\n  ]\n}\n'


def test_the_root_is_the_nearest_directory_with_a_description(tmp_path):
    (tmp_path / "quintet.yaml").touch()
    inside = tmp_path / "services" / "orders"
    inside.mkdir(parents=True)

    assert find_root(inside) == tmp_path


def test_the_launcher_names_the_root(tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTET_ROOT", str(tmp_path))

    assert find_root() == tmp_path


def test_outside_of_any_system_the_error_says_where_to_go(tmp_path, monkeypatch):
    monkeypatch.delenv("QUINTET_ROOT", raising=False)

    with pytest.raises(CommandError) as caught:
        find_root(tmp_path)

    assert "change into the repository" in caught.value.remedy
