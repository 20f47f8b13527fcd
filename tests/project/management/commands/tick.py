"""Does what its test tells it: a round that works, one without a database, one that is not done."""

from __future__ import annotations

import time

from django.core.management.base import CommandError
from django.db import OperationalError

from quintet.management.repeating import RepeatingCommand


class Command(RepeatingCommand):
    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--mood", default="well")

    def round(self, *, mood, **_):
        self.say("round")
        if mood == "away":
            raise OperationalError
        if mood == "undone":
            raise CommandError("one is left")
        time.sleep(0.2)
        self.say("done")
        return "ticked"

    def say(self, word):
        self.stdout.write(word)
        self.stdout.flush()
