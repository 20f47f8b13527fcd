"""Each service can be taken out of this repository: the chassis, its folder, nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.house.source import ROOT

SERVICES = ("users", "products", "orders", "payments", "validation")
PRODUCTION = {
    "SERVICE_ENVIRONMENT": "production",
    "SECRET_KEY": "k3y-" + "abcdefghijklmnopqrstuvwxyz0123456789" * 2,
    "ALLOWED_HOSTS": "shop.example",
    "AUTH_ISSUERS": ",".join(
        f"{name}=https://{name}/.well-known/jwks.json" for name in ("users", "orders")
    ),
    "BROKER_URL": "redis://broker.invalid/0",
}


@pytest.fixture(scope="module")
def uv() -> str:
    found = shutil.which("uv") or str(ROOT / ".quintet" / "uv" / "bin" / "uv")
    assert os.access(found, os.X_OK), "uv is missing: run ./quintet test, which fetches it"
    return found


@pytest.fixture(scope="module")
def chassis(tmp_path_factory, uv) -> str:
    """The chassis as it would be published: a wheel."""
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run([uv, "build", "-q", "--wheel", "--out-dir", target, ROOT], check=True)
    (wheel,) = target.glob("quintet-*.whl")
    return str(wheel)


@pytest.fixture(params=SERVICES)
def alone(request, tmp_path, uv, chassis):
    """A service's folder, copied away and installed with the chassis."""
    folder = tmp_path / request.param
    shutil.copytree(
        ROOT / "services" / request.param, folder, ignore=shutil.ignore_patterns("__pycache__")
    )
    python = tmp_path / "venv" / "bin" / "python"
    environ = {**os.environ, "VIRTUAL_ENV": str(tmp_path / "venv"), "UV_PYTHON_DOWNLOADS": "never"}
    environ.pop("UV_PROJECT_ENVIRONMENT", None)
    for arguments in (
        ["venv", "-q", "--python", sys.executable, tmp_path / "venv"],
        ["pip", "install", "-q", "--no-sources", f"{chassis}[testing,fleet]", folder],
    ):
        subprocess.run([uv, *arguments], env=environ, cwd=tmp_path, check=True)
    return python, folder


def run(python, folder, *arguments, **environ):
    kept = ("PATH", "HOME", "TMPDIR", "LANG", "CI", "QUINTET_TEST_")
    return subprocess.run(
        [python, *arguments],
        cwd=folder,
        env={**{k: v for k, v in os.environ.items() if k.startswith(kept)}, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_service_passes_its_own_tests_and_the_deployment_check_away_from_the_repository(alone):
    python, folder = alone

    tested = run(python, folder, "-m", "pytest", "-q")
    database = {"DATABASE_URL": f"sqlite:///{folder}/db.sqlite3"}
    checked = run(
        python,
        folder,
        "manage.py",
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        **PRODUCTION,
        **database,
    )

    assert tested.returncode == 0, tested.stdout[-4000:]
    assert checked.returncode == 0, checked.stdout + checked.stderr
