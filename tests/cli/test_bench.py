from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = '''"""What a thing costs.

More words.
"""
import sys

if __name__ == "__main__":
    print("measured", *sys.argv[1:])
    sys.exit(3)
'''


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.delenv("QUINTET_ROOT", raising=False)
    (tmp_path / "bench").mkdir()
    (tmp_path / "quintet.yaml").touch()
    (tmp_path / "bench" / "two_words.py").write_text(SCRIPT)
    (tmp_path / "bench" / "figures.py").write_text('"""Shared."""\n')

    def run(*words):
        return subprocess.run(
            [sys.executable, "-P", "-m", "quintet", "bench", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def test_a_bench_gets_its_own_options_and_gives_its_exit_code(bench):
    ended = bench("two-words", "--rounds", "3", "--write", "--help")

    assert (ended.returncode, ended.stdout) == (3, "measured --rounds 3 --write --help\n")


def test_without_a_name_it_says_what_there_is(bench):
    ended = bench()

    assert ended.stdout.split("\n") == ["two-words       What a thing costs.", ""]


def test_what_is_shared_between_benches_is_none(bench):
    ended = bench("figures")

    assert ended.returncode == 1
    assert "two-words" in ended.stderr
