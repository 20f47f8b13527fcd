"""The dead letters of a service: looked at, tried again, thrown away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from quintet.events import parking
from quintet.events.handling import discovered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.management.base import CommandParser

    from quintet.events.models import ParkedEvent


class Command(BaseCommand):
    """``manage.py quintet_dlq list|show|retry|drop``: what could not be handled, and what to do."""

    help = "List, show, retry or drop the events that could not be handled."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a deed and the letters that it is for."""
        parser.add_argument("deed", choices=["list", "show", "retry", "drop"])
        parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER")
        parser.add_argument("--all", action="store_true", help="Instead of numbers.")
        parser.add_argument("--json", action="store_true", help="Print data as JSON.")

    def handle(self, *_: Any, deed: str, **options: Any) -> None:
        """Do it, and say what was done."""
        if deed == "list":
            self._list(as_json=options["json"])
            return
        letters = self._chosen(options["numbers"], everything=options["all"])
        if deed == "show":
            self._show(letters)
        elif deed == "retry":
            self._retry(letters)
        else:
            self._drop(letters)

    def _list(self, *, as_json: bool) -> None:
        rows = [_row(letter) for letter in parking.dead()]
        if as_json:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            self.stdout.write(
                f"{row['number']:>6} {row['parked_at']:<25} {row['handler']:<24} "
                f"{row['topic']}/{row['key']:<24} {row['attempts']:>2} attempts  {row['reason']}"
            )
        self.stdout.write(f"{len(rows)} dead letters")

    def _show(self, letters: Iterable[ParkedEvent]) -> None:
        for letter in letters:
            told = {**_row(letter), "trace_id": letter.trace_id, "body": _decoded(letter.body)}
            self.stdout.write(json.dumps(told, indent=2, ensure_ascii=False))

    def _retry(self, letters: Iterable[ParkedEvent]) -> None:
        handlers, left = discovered(), []
        for letter in letters:
            if parking.revive(letter, handlers):
                self.stdout.write(f"{letter.pk} will be tried again")
            else:
                left.append(str(letter.pk))
        if left:
            raise CommandError(f"No handler of this service reads {', '.join(left)}.")

    def _drop(self, letters: Iterable[ParkedEvent]) -> None:
        for letter in letters:
            number = letter.pk
            letter.delete()
            self.stdout.write(f"{number} is dropped")

    def _chosen(self, numbers: list[int], *, everything: bool) -> list[ParkedEvent]:
        if everything == bool(numbers):
            raise CommandError("Name the letters by their numbers, or say --all.")
        letters = list(parking.dead() if everything else parking.dead().filter(pk__in=numbers))
        unknown = set(numbers) - {letter.pk for letter in letters}
        if unknown:
            raise CommandError(f"There is no dead letter {', '.join(map(str, sorted(unknown)))}.")
        return letters


def _row(letter: ParkedEvent) -> dict[str, Any]:
    return {
        "number": letter.pk,
        "parked_at": letter.parked_at.isoformat(timespec="seconds"),
        "handler": letter.handler,
        "topic": letter.topic,
        "key": letter.key,
        "event_id": str(letter.event_id),
        "attempts": letter.attempts,
        "reason": letter.reason,
    }


def _decoded(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body
