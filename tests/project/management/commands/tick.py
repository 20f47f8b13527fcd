"""Does what its test tells it: a round that works, that is long, not done, or has no database."""

from __future__ import annotations

import time

from django.core.management.base import CommandError
from django.db import OperationalError

from quintet import lifecycle
from quintet.management.repeating import RepeatingCommand


class Command(RepeatingCommand):
    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--mood", default="well")

    def round(self, *, mood, **_):
        lifecycle.at_stop(self.tidy)
        self.say("round")
        if mood == "away":
            raise OperationalError
        if mood == "undone":
            raise CommandError("one is left")
        while mood == "long" and not lifecycle.is_draining():
            time.sleep(0.01)
        time.sleep(0.2)
        self.say("done")
        return "ticked"

    def tidy(self, _seconds):
        self.say("tidied")

    def say(self, word):
        self.stdout.write(word)
        self.stdout.flush()
