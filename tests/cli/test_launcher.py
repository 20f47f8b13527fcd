from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

NO_PIP = """
case "$2" in *realpath*) echo "$0";; esac
case "$1" in -c) exit 0;; *) exit 1;; esac
"""
ROOT_FILES = ("quintet", "pyproject.toml", "uv.lock")


@pytest.fixture
def clone(tmp_path, pytestconfig):
    """A clone whose environment is already there, in a path with spaces."""
    root = tmp_path / "a clone"
    (root / ".quintet" / "venv" / "bin").mkdir(parents=True)
    (root / "services" / "one").mkdir(parents=True)
    (root / "services" / "one" / "pyproject.toml").touch()
    (root / "deploy").mkdir()
    for name in (*ROOT_FILES, "deploy/uv.txt"):
        shutil.copy(pytestconfig.rootpath / name, root / name)
    return root


@pytest.fixture
def run(clone, tmp_path):
    """Run the launcher with programs of the test's own on PATH, and nothing else of the machine."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("cat", "cksum", "date", "dirname", "env", "mkdir", "readlink", "sh"):
        (tools / name).symlink_to(shutil.which(name))

    def _run(*words, launcher=None, **programs):
        for name, text in programs.items():
            _script(tools / name, text)
        return subprocess.run(
            [str(launcher or clone / "quintet"), *words],
            env={"PATH": str(tools), "HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return _run


def python():
    return f'exec "{sys.executable}" "$@"'


def uv(log):
    """A uv that notes how it was called, and makes a Python that says what it was asked to run."""
    return f"""
case $1 in --version) echo "uv 0.13.9"; exit 0;; esac
echo "$@" >> "{log}"
cat > "$UV_PROJECT_ENVIRONMENT/bin/python" <<'END'
#!/bin/sh
case $1 in -c) exec "{sys.executable}" "$@";; esac
echo "ran $*"
END
"{shutil.which("chmod")}" +x "$UV_PROJECT_ENVIRONMENT/bin/python"
"""


def _script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def calls(log):
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def test_the_environment_is_installed_once_and_the_words_are_handed_on(run, tmp_path):
    log = tmp_path / "log"

    first = run("status", "--json", python3=python(), uv=uv(log))
    second = run("status", "--json", python3=python(), uv=uv(log))

    assert first.stdout == second.stdout == "ran -P -m quintet status --json\n"
    assert len(calls(log)) == 1


def test_up_downloads_no_development_tools(run, tmp_path):
    log = tmp_path / "log"

    run("up", python3=python(), uv=uv(log))

    assert "--extra fleet --no-dev" in calls(log)[0]
    assert "--frozen --inexact --all-packages" in calls(log)[0]


def test_test_installs_everything_and_up_needs_no_more(run, tmp_path):
    log = tmp_path / "log"

    run("test", python3=python(), uv=uv(log))
    run("up", python3=python(), uv=uv(log))

    assert len(calls(log)) == 1
    assert "--all-groups --all-extras" in calls(log)[0]


def test_bench_installs_what_it_compares_with(run, tmp_path):
    log = tmp_path / "uv.log"

    run("bench", uv=uv(log), python3=python())
    run("bench", uv=uv(log), python3=python())

    (call,) = calls(log)
    assert call.endswith("--all-extras --no-dev --group bench")


def test_a_changed_lock_is_installed_again(run, clone, tmp_path):
    log = tmp_path / "log"
    run("up", python3=python(), uv=uv(log))

    with (clone / "uv.lock").open("a", encoding="utf-8") as lock:
        lock.write("# changed\n")
    run("up", python3=python(), uv=uv(log))

    assert len(calls(log)) == 2


def test_it_works_through_links(run, clone, tmp_path):
    (tmp_path / "one").symlink_to(clone / "quintet")
    (tmp_path / "two").symlink_to("one")

    ran = run("up", launcher=tmp_path / "two", python3=python(), uv=uv(tmp_path / "log"))

    assert ran.stdout == "ran -P -m quintet up\n"


def test_a_missing_python_is_named_with_its_remedy(run):
    refused = run("up")

    assert refused.returncode == 1
    assert "no Python 3.11 or newer" in refused.stderr
    assert "QUINTET_PYTHON=" in refused.stderr


def test_a_python_of_pyenv_is_found_when_the_one_on_path_is_too_old(run, tmp_path):
    found = tmp_path / ".pyenv" / "versions" / "3.12.1" / "bin"
    found.mkdir(parents=True)
    _script(found / "python", python())

    ran = run("up", python3="exit 1", uv=uv(tmp_path / "log"))

    assert ran.stdout == "ran -P -m quintet up\n"


def test_without_uv_and_pip_both_ways_to_install_it_are_named(run):
    refused = run("up", python3=NO_PIP)

    assert refused.returncode == 1
    assert "curl -LsSf https://astral.sh/uv/install.sh | sh" in refused.stderr
    assert "pip install uv" in refused.stderr


def test_a_uv_that_is_too_old_is_not_used(run):
    refused = run("up", python3=NO_PIP, uv='echo "uv 0.4.30"')

    assert refused.returncode == 1
    assert "uv is not on PATH" in refused.stderr


def test_the_pinned_uv_has_a_hash_for_every_wheel(clone):
    lines = (clone / "deploy" / "uv.txt").read_text(encoding="utf-8").splitlines()

    assert lines[1].startswith("uv==0.13.9")
    assert len(lines) > 8
    assert all(line.strip().startswith("--hash=sha256:") for line in lines[2:])


def test_the_launcher_is_executable(clone):
    assert os.access(clone / "quintet", os.X_OK)
