"""The tasks of a service that were given up: looked at, tried again, thrown away."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from quintet import conf
from quintet.settings import derive

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.management.base import CommandParser

    from quintet.tasks.store import Parked, Store


class Command(BaseCommand):
    """``manage.py quintet_parked list|show|retry|drop``: what no worker could do."""

    help = "List, show, retry or drop the tasks that were given up."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a deed and the tasks that it is for."""
        parser.add_argument("deed", choices=["list", "show", "retry", "drop"])
        parser.add_argument("ids", nargs="*", metavar="ID")
        parser.add_argument("--all", action="store_true", help="Instead of ids.")

    def handle(self, *_: Any, deed: str, **options: Any) -> None:
        """Do it, and say what was done."""
        kept = _store()
        if deed == "list":
            self._list(list(kept.parked()))
            return
        chosen = _chosen(kept, options["ids"], everything=options["all"])
        if deed == "show":
            self._show(chosen)
        elif deed == "retry":
            self._retry(kept, chosen)
        else:
            self._drop(kept, chosen)

    def _list(self, found: list[Parked]) -> None:
        for one in found:
            self.stdout.write(
                f"{one.call.id}  {_moment(one.parked_at)}  {one.call.task}  "
                f"{one.call.attempt} attempts  {one.reason}"
            )
        self.stdout.write(f"{len(found)} tasks are parked")

    def _show(self, chosen: Iterable[Parked]) -> None:
        for one in chosen:
            told = {**one.call.written(), "reason": one.reason, "parked_at": _moment(one.parked_at)}
            self.stdout.write(json.dumps(told, indent=2, ensure_ascii=False))

    def _retry(self, kept: Store, chosen: Iterable[Parked]) -> None:
        for one in chosen:
            kept.retry(one)
            self.stdout.write(f"{one.call.id} will be tried again")

    def _drop(self, kept: Store, chosen: Iterable[Parked]) -> None:
        for one in chosen:
            kept.drop(one.call.id)
            self.stdout.write(f"{one.call.id} is dropped")


def _store() -> Store:
    if not derive.carries_tasks(conf.current().BROKER_URL):
        raise CommandError("BROKER_URL names no Redis or Valkey: no task can be parked there.")
    from quintet.tasks.store import store  # late: an optional dependency

    return store()


def _chosen(kept: Store, ids: list[str], *, everything: bool) -> list[Parked]:
    if everything == bool(ids):
        raise CommandError("Name the tasks by their ids, or say --all.")
    found = [one for one in kept.parked() if everything or one.call.id in ids]
    unknown = set(ids) - {one.call.id for one in found}
    if unknown:
        raise CommandError(f"No task is parked under {', '.join(sorted(unknown))}.")
    return found


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
