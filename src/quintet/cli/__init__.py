"""The command line: sub-commands are found by dotted name, so ``--help`` imports almost nothing.

A failure leaves with 1 and says what, why and which command comes next; a misuse leaves with 2.
"""

from __future__ import annotations

from quintet.cli.group import commands, main
from quintet.cli.output import CommandError, print_json
from quintet.cli.root import find_root

__all__ = ["CommandError", "commands", "find_root", "main", "print_json"]
