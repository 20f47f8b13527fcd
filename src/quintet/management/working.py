"""Commands that work on events until they are told to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from quintet import conf, lifecycle
from quintet.events.brokers import broker_for
from quintet.management.repeating import told_to_end

if TYPE_CHECKING:
    from threading import Event

    from quintet.events.brokers import Broker


class WorkingCommand(BaseCommand):
    """Works until SIGTERM or SIGINT, finishes what it has begun, and ends with 0."""

    def run_from_argv(self, argv: list[str]) -> None:
        """Put down what the process has, once the command is over."""
        try:
            super().run_from_argv(argv)
        finally:
            lifecycle.tidy_up()

    def work(self, ending: Event) -> None:
        """Do the work until ``ending`` is set."""
        raise NotImplementedError

    def broker(self) -> Broker:
        """The broker of this service; raises ``CommandError`` if it has none that can be used."""
        url = conf.current().BROKER_URL
        if not url:
            raise CommandError("BROKER_URL is not set: name the broker, as in redis://host/0.")
        try:
            return broker_for(url)
        except (ValueError, ImportError) as error:
            raise CommandError(str(error)) from error

    def handle(self, *_: Any, **__: Any) -> None:
        """Work until a signal comes."""
        with told_to_end() as ending:
            self.work(ending)
