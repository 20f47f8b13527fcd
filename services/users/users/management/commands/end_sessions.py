"""``manage.py end_sessions``: log somebody out everywhere, such as after a stolen device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from users import domain
from users.models import User

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Ends logins; whoever is meant may log in again."""

    help = "End all logins of a user, or of everybody; they may log in again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the user by name or by number, or everybody."""
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--username")
        who.add_argument("--id", type=int)
        who.add_argument("--everybody", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        """End them, and say how many there were and what is still good for how long."""
        if options["everybody"]:
            ended = domain.log_out_everybody()
        else:
            ended = domain.log_out_everywhere(named(options["username"], options["id"]))
        self.stdout.write(
            f"Ended {ended} logins. Access tokens expire by themselves, within "
            f"{domain.environment().ACCESS_TOKEN_SECONDS} seconds."
        )


def named(username: str | None, number: int | None) -> User:
    """Find the user who is meant."""
    meant = User.objects.all() if username is None else User.objects.named(username)
    user = (meant if number is None else meant.filter(pk=number)).first()
    if user is None:
        raise CommandError(f"There is no user {number if username is None else username!r}.")
    return user
