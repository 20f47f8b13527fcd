"""Load the project and judge it before a socket is opened: a mistake stops the start, in words."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from quintet.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.core.checks import CheckMessage

    WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Any]

SETTINGS_VARIABLE = "DJANGO_SETTINGS_MODULE"


THREADS_PER_REQUEST = 4
"""One that works and three that can say no: where no thread is left to enforce a limit, requests
queue in front of it and grow old unseen."""

TURN_SECONDS = 0.0005
"""How long a thread keeps the interpreter while others wait for it, a tenth of Python's own value.
Who accepts a connection, refuses a request or answers a probe asks for it a dozen times, each time
behind every thread that reckons: with eight of those, that was more than a second."""

_told_to_end: list[int] = []


class CannotStart(Exception):
    """The service cannot be served; the text says why and what to do."""


class MalformedBody(OSError):
    """The bytes that arrived are not the body that was announced: a lost connection to Django."""


def end_when_told() -> None:
    """End with 0 on SIGTERM and SIGINT, until the server has signal handlers of its own.

    The first process of a container would not even notice SIGTERM otherwise.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    sys.unraisablehook = _unraisable


def was_told_to_end() -> bool:
    """Whether a signal came while something was running that swallows exceptions."""
    return bool(_told_to_end)


def _end(number: int, _frame: object) -> None:
    _told_to_end.append(number)
    raise SystemExit(0)


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """Tell of an exception that nobody can catch, unless it is the end, which comes a bit later."""
    if not (was_told_to_end() and isinstance(lost.exc_value, SystemExit)):
        sys.__unraisablehook__(lost)


def load() -> WSGIApplication:
    """Read the settings, set Django up, run the checks, and return the application."""
    sys.setswitchinterval(TURN_SECONDS)
    _read_settings()
    import django  # late: the metrics directory has to be named before anything is imported

    django.setup()
    _judge()
    application = loaded()
    release_connections()
    return application


@cache
def loaded() -> WSGIApplication:
    """Return the one application of this process; a fork has it, and a new process makes it."""
    import django  # late: as above
    from django.apps import apps

    if not apps.ready:
        django.setup()
    return _application()


def release_connections() -> None:
    """Close what start-up may have opened: a connection or pool must not be shared by forks."""
    from django.db import connections  # late: Django has to be set up

    for connection in connections.all(initialized_only=True):
        connection.close()
        close_pool = getattr(connection, "close_pool", None)
        if close_pool is not None:
            close_pool()


def _read_settings() -> None:
    name = os.environ[SETTINGS_VARIABLE]
    if os.getcwd() not in sys.path:  # noqa: PTH109 - sys.path holds text
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as above
    try:
        importlib.import_module(name)
    except SettingsError as error:
        raise CannotStart(str(error)) from error
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise CannotStart(
            f"{SETTINGS_VARIABLE} is {name!r}, but there is no module {error.name!r} here.\n"
            f"Run this in the folder that holds it ({os.getcwd()} is the current one)."  # noqa: PTH109 - text
        ) from error


def _judge() -> None:
    from django.core import checks  # late: Django has to be set up

    from quintet import conf  # late: as above

    production = conf.current().SERVICE_ENVIRONMENT == "production"
    found = checks.run_checks(include_deployment_checks=production)
    heard = [message for message in found if not message.is_silenced()]
    serious = [message for message in heard if message.is_serious()]
    if serious:
        raise CannotStart("The system checks found errors:\n\n" + _listed(serious))
    _log_warnings(heard)


def _listed(messages: Sequence[CheckMessage]) -> str:
    return "\n\n".join(str(message) for message in messages)


def _log_warnings(messages: Sequence[CheckMessage]) -> None:
    from quintet.telemetry.logs import get_logger  # late: logging is configured by the settings

    log = get_logger("quintet.server")
    for message in messages:
        log.warning("system check", check=message.id, finding=message.msg, hint=message.hint)


def _application() -> WSGIApplication:
    from django.core.exceptions import ImproperlyConfigured  # late: Django has to be set up
    from django.core.servers.basehttp import get_internal_wsgi_application

    try:
        return get_internal_wsgi_application()
    except ImproperlyConfigured as error:
        raise CannotStart(f"{error}\nWSGI_APPLICATION in the settings names it.") from error
