"""A request body whose mistakes look like a lost connection, which is what Django and DRF expect.

gunicorn parses chunks while the application reads the body. Its errors are of classes that nobody
else knows, and a malformed chunk of a client would be answered with 500.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gunicorn.http.errors import ParseException

from quintet.lifecycle import is_draining

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from quintet.server.startup import WSGIApplication


class MalformedBody(OSError):
    """The bytes that arrived are not a body in the coding that was announced."""


class Body:
    """The ``wsgi.input`` of gunicorn, with its parse errors translated."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def read(self, size: int | None = None) -> bytes:
        """Read ``size`` bytes, or all."""
        with translated():
            return bytes(self._source.read(size))

    def readline(self, size: int | None = None) -> bytes:
        """Read to the end of the line, at most ``size`` bytes."""
        with translated():
            return bytes(self._source.readline(size))

    def readlines(self, hint: int | None = None) -> list[bytes]:
        """Read all lines."""
        with translated():
            return list(self._source.readlines(hint))

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line


def translating(application: WSGIApplication) -> WSGIApplication:
    """Give ``application`` bodies that fail in a way it knows, and a draining server its close.

    The answer has begun when the application returns, and not one byte of it is out.
    """

    def called(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["wsgi.input"] = Body(environ["wsgi.input"])
        answered: Iterable[bytes] = application(environ, start_response)
        if is_draining():
            start_response.__self__.force_close()
        return answered

    return called


@contextmanager
def translated() -> Iterator[None]:
    """Raise ``MalformedBody`` for what gunicorn cannot parse."""
    try:
        yield
    except ParseException as error:
        raise MalformedBody(str(error)) from error
