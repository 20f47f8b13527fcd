"""What the house rules look at: the tree's own Python files, parsed once."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked(pattern: str) -> tuple[Path, ...]:
    """Files known to git, or new and not ignored, that match ``pattern``."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", pattern],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return tuple(path for name in sorted(set(listed)) if (path := ROOT / name).is_file())


@cache
def product_files() -> tuple[Path, ...]:
    """The chassis and the services, without migrations and tests."""
    return tuple(
        path
        for path in (*tracked("src/*.py"), *tracked("services/*.py"))
        if "migrations" not in path.parts and "tests" not in path.relative_to(ROOT).parts
    )


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))
