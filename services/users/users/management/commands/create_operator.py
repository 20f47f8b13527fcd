"""``manage.py create_operator``: the first member of staff, who can then do the rest over HTTP."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from quintet.errors import ServiceException, ValidationException
from users import domain

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Creates a user who is staff."""

    help = "Create a user who is staff. The password is asked for, or read from standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take everything but the password: arguments are visible to every user of the machine."""
        parser.add_argument("--username", required=True)
        parser.add_argument("--email", required=True)
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="Read the password from the first line of standard input.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Create the operator and say its id."""
        asked = domain.Registration(
            username=options["username"],
            email=options["email"],
            password=read_password(from_stdin=options["password_stdin"]),
        )
        try:
            operator = domain.make_operator(asked)
        except ValidationException as error:
            raise CommandError(" ".join([error.message, *field_messages(error)])) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except ServiceException as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Created the operator {operator.username} with id {operator.pk}.")


def read_password(*, from_stdin: bool) -> str:
    """Read a password without showing it."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask at. Pipe it in with --password-stdin.")
    return getpass.getpass("Password: ")


def field_messages(error: ValidationException) -> list[str]:
    """List what is wrong with each field."""
    return [text for texts in error.details["field_errors"].values() for text in texts]
