"""Rotates the keys that a service signs with, one step at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from quintet import conf
from quintet.auth import rotation

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

DEEDS = ("list", "add", "switch", "retire", "remove", "replace")
NAMED = {"retire", "remove"}
NEXT = {
    "add": "Restart this service. Switch to the new key after five minutes, when all know it.",
    "switch": "Restart this service. Retire the old key when all goes well.",
    "retire": "Restart this service. Remove the key when its last token has expired.",
    "remove": "Restart this service. Others refuse tokens of the key within ten minutes.",
    "replace": "Restart this service, then those that trust it, to refuse the old keys at once.",
}


class Command(BaseCommand):
    """``manage.py quintet_keys list|add|switch|retire|remove|replace``: steps of a rotation."""

    help = (
        "List the signing keys of this service, or print the value of AUTH_SIGNING_KEYS after one "
        "step of a rotation."
    )
    # Keys that cannot be read are an error of the checks, and replaced here.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a step, and the key that it is for."""
        parser.add_argument("deed", choices=DEEDS)
        parser.add_argument("--key", default="", metavar="KEY_ID", help="As list shows it.")
        parser.add_argument(
            "--write",
            action="store_true",
            help="Print nothing, and change the file that AUTH_SIGNING_KEYS_FILE names.",
        )

    def handle(self, *_: Any, deed: str, key: str, write: bool, **__: Any) -> None:
        """Do it; what is printed beside the value goes to standard error."""
        if deed in NAMED and not key:
            raise CommandError(f"{deed} is for one key: give --key=KEY_ID, as list shows it.")
        if key and deed not in {*NAMED, "switch"}:
            raise CommandError(f"{deed} is for no single key: leave out --key={key}.")
        value = conf.current().AUTH_SIGNING_KEYS
        try:
            if deed == "list":
                self._list(value)
                return
            self._hand_over(_after(deed, value, key), write=write)
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stderr.write(NEXT[deed], self.style.WARNING)

    def _list(self, value: str) -> None:
        for key in rotation.keys_in(value):
            self.stdout.write(f"{key.kid}  {key.role}")

    def _hand_over(self, value: str, *, write: bool) -> None:
        if write:
            _write(value)
        elif self.stdout.isatty():
            raise CommandError(
                "The value holds private keys, and a terminal keeps what it shows: "
                "pipe it into the store of your secrets, or give --write to change the file."
            )
        else:
            self.stdout.write(value, ending="")


def _after(deed: str, value: str, kid: str) -> str:
    if deed == "replace":
        return rotation.replace()
    if deed == "add":
        return rotation.add(value)
    steps = {"switch": rotation.switch, "retire": rotation.retire, "remove": rotation.remove}
    return steps[deed](value, kid)


def _write(value: str) -> None:
    """Change the file in one piece; nobody but its owner may read what is written meanwhile."""
    kind, _, named = conf.current().origins()["AUTH_SIGNING_KEYS"].partition(" ")
    if kind != "file":
        raise CommandError(
            "AUTH_SIGNING_KEYS_FILE names no file to write: leave out --write, and pipe the value."
        )
    file = Path(named).resolve()
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        partial.touch(mode=0o600, exist_ok=False)
        with partial.open("w", encoding="ascii") as opened:
            opened.write(value)
            opened.flush()
            os.fsync(opened.fileno())
        _give_to_owner_of(file, partial)
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from None


def _give_to_owner_of(file: Path, partial: Path) -> None:
    """Let the same people read the new file; its owner goes first, lest others read it before."""
    old = file.stat()
    try:
        os.chown(partial, old.st_uid, old.st_gid)
    except PermissionError as error:
        why = f"it belongs to user {old.st_uid} and group {old.st_gid}: run this as root"
        raise PermissionError(error.errno, why) from None
    partial.chmod(old.st_mode & 0o777)
