"""What stands between granian and the application: its bodies, its connections.

granian hands a body that broke off to the application as if it had ended. Half a request must not
be taken for a whole one: where the length was announced it is checked, and a body without one is
not marked as complete, so that it is refused with 411.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quintet.lifecycle import is_draining
from quintet.middleware.network import is_proxy
from quintet.server.startup import MalformedBody

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from quintet.server.startup import WSGIApplication

CLOSE = ("connection", "close")
FORWARDED_SCHEME = "HTTP_X_FORWARDED_PROTO"


class AnnouncedBody:
    """The ``wsgi.input`` of granian, which has as many bytes as were announced, or raises."""

    def __init__(self, source: Any, length: int) -> None:
        self._source = source
        self._left = length

    def read(self, size: int | None = None) -> bytes:
        """Read ``size`` bytes, or all."""
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        if not wanted:
            return b""
        found = bytes(self._source.read(wanted))
        self._left -= len(found)
        if len(found) < wanted:
            raise MalformedBody(f"the body ended {self._left} bytes too early")
        return found

    def readline(self, size: int | None = None) -> bytes:
        """Read to the end of the line, at most ``size`` bytes."""
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        line = bytearray()
        while len(line) < wanted and not line.endswith(b"\n"):
            line += self.read(1)
        return bytes(line)

    def readlines(self, hint: int | None = None) -> list[bytes]:  # noqa: ARG002 - the protocol's
        """Read all lines."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line


def answering(application: WSGIApplication) -> WSGIApplication:
    """Give ``application`` bodies that are whole, and a draining server its close."""

    def called(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["wsgi.input_terminated"] = False
        length = environ.get("CONTENT_LENGTH", "")
        announced = int(length) if length.isascii() and length.isdigit() else 0
        environ["wsgi.input"] = AnnouncedBody(environ["wsgi.input"], announced)
        if environ.get(FORWARDED_SCHEME) == "https" and is_proxy(environ.get("REMOTE_ADDR", "")):
            environ["wsgi.url_scheme"] = "https"
        answered: Iterable[bytes] = application(environ, start_response)
        if is_draining():
            start_response.headers.append(CLOSE)
        return answered

    return called
