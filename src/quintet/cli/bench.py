"""``quintet bench``: run what prints a figure, from the folder of the benches."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from quintet.cli.output import CommandError
from quintet.cli.root import find_root

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = 'if __name__ == "__main__":'


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("name", required=False)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def bench(*, name: str | None, options: tuple[str, ...]) -> None:
    """Run one bench with its own options, or list what there is.

    Example: quintet bench servers --write
    """
    folder = find_root() / "bench"
    scripts = {path.stem.replace("_", "-"): path for path in sorted(folder.glob("*.py"))}
    known = {name: path for name, path in scripts.items() if ENTRY in _text(path)}
    if name is None:
        for one, path in known.items():
            click.echo(f"{one:<16}{_text(path).strip(chr(34)).splitlines()[0]}")
        return
    if name not in known:
        raise CommandError(
            f"there is no bench {name!r}",
            why=f"{folder} has: {', '.join(known) or 'none'}",
            remedy="quintet bench",
        )
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, str(known[name]), *options])  # noqa: S606 - our own script


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
