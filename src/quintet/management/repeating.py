"""Commands that work in rounds, for what has to happen beside a service again and again."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connections

from quintet import context, lifecycle
from quintet.telemetry import traces
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.core.management.base import CommandParser

log = get_logger(__name__)


class RepeatingCommand(BaseCommand):
    """Does one round, or with ``--every-seconds`` one after another until it is told to end.

    SIGTERM and SIGINT let the running round finish and end the command with 0; once more changes
    nothing. As the first process of a container it would not even notice them otherwise. A long
    round asks ``lifecycle.is_draining()`` whether to stop early. A database that is away, or a
    round that could not do everything, costs a line in the log and not the process.
    """

    def run_from_argv(self, argv: list[str]) -> None:
        """Put down what the process has, once the command is over; others may call it in theirs."""
        try:
            super().run_from_argv(argv)
        finally:
            lifecycle.tidy_up()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a rhythm."""
        parser.add_argument(
            "--every-seconds", type=float, default=None, help="Run again and again, this far apart."
        )

    def round(self, **options: Any) -> str:
        """Do the work once and say what was done; raise ``CommandError`` for what is left over."""
        raise NotImplementedError

    def handle(self, *_: Any, **options: Any) -> None:
        """Run once, or until a signal."""
        every = options.pop("every_seconds")
        if every is None:
            self.stdout.write(self._round(options))
            return
        if not every > 0:
            raise CommandError(f"--every-seconds is {every:g}; give a number above 0.")
        with told_to_end() as ending:
            while not ending.is_set():
                self._attempt(options)
                ending.wait(every)

    def _round(self, options: dict[str, Any]) -> str:
        with traces.whole(type(self).__module__.rpartition(".")[2]):
            return self.round(**options)

    def _attempt(self, options: dict[str, Any]) -> None:
        with context.running(context.new()):
            try:
                log.debug("round", done=self._round(options))
            except (OperationalError, InterfaceError) as error:
                log.warning("round failed: the database is away", error=type(error).__name__)
            except CommandError as error:
                log.warning("round left something over", reason=str(error))
            finally:
                connections.close_all()


@contextmanager
def told_to_end(tell: Callable[[], object] | None = None) -> Iterator[Event]:
    """An event that SIGTERM and SIGINT set; once more changes nothing.

    ``tell`` is called in the handler as well, each time.
    """
    ending = Event()

    def end(*_: Any) -> None:
        lifecycle.begin_draining()  # a long round may look for it
        ending.set()
        if tell is not None:
            tell()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
