"""What every command prints the same way: errors with a remedy, and data as JSON."""

from __future__ import annotations

import json
import sys
from typing import IO, Any

import click


class CommandError(click.ClickException):
    """A command failed: says what, why, and the command that helps. The exit code is 1."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.why = why
        self.remedy = remedy

    def show(self, file: IO[Any] | None = None) -> None:
        """Write what, why and the next command, one line each, to standard error."""
        stream = file or sys.stderr
        click.echo(f"{click.style('error', fg='red')}: {self.message}", file=stream)
        if self.why:
            click.echo(f"  why:  {self.why}", file=stream)
        if self.remedy:
            click.echo(f"  next: {self.remedy}", file=stream)


def print_json(data: Any) -> None:
    """Print data as one indented JSON document."""
    click.echo(json.dumps(data, indent=2, default=str))
