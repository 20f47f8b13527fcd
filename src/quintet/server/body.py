"""A request body whose mistakes look like a lost connection, which is what Django and DRF expect.

gunicorn parses chunks while the application reads the body. Its errors are of classes that nobody
else knows, and a malformed chunk of a client would be answered with 500. And it invites a body
that was announced with ``Expect: 100-continue`` before anybody has looked at the request; here a
body is invited by whoever reads it, so that a refused one is never sent.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from gunicorn.http.errors import ParseException

from quintet.lifecycle import is_draining
from quintet.server.startup import MalformedBody

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from quintet.server.client import Client
    from quintet.server.startup import WSGIApplication

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body:
    """The ``wsgi.input`` of gunicorn: invited when it is read, and complete or an error."""

    def __init__(
        self, source: Any, length: int | None = None, *, invite: Callable[[], None] | None = None
    ) -> None:
        self._source = source
        self._announced = length is not None
        self._left = length or 0
        self._invite = invite

    @property
    def is_awaited(self) -> bool:
        """Whether the client still waits to be asked for it, and perhaps will not send it."""
        return self._invite is not None

    def is_exceeded(self, unreader: Any, client: Client) -> bool:
        """Tell whether more has come than was announced, before the answer is out.

        It may be another request, sent ahead of the answer to this one. It may also be the rest of
        this body, for somebody in between who read its length differently, and then it is an
        attack. Whoever sends requests ahead has to expect that the connection is closed.
        """
        if not self._announced:
            return False
        reader = self._source.reader
        if getattr(reader, "parser", None) is not None:
            return True  # chunks that nobody has read: where they end is not known
        left = getattr(reader, "length", 0)
        ahead = len(unreader.buf.getvalue())
        return bool(ahead > left or (ahead == left and client.has_sent_more()))

    def read(self, size: int | None = None) -> bytes:
        """Read ``size`` bytes, or all."""
        data = self._received(self._source.read, size)
        if size is None or size < 0 or len(data) < size:
            self._expect_no_more()
        return data

    def readline(self, size: int | None = None) -> bytes:
        """Read to the end of the line, at most ``size`` bytes."""
        line = self._received(self._source.readline, size)
        if not line.endswith(b"\n") and (size is None or size < 0 or len(line) < size):
            self._expect_no_more()
        return line

    def readlines(self, hint: int | None = None) -> list[bytes]:  # noqa: ARG002 - WSGI's signature
        """Read all lines."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    def _received(self, read: Callable[[int | None], bytes], size: int | None) -> bytes:
        invite, self._invite = self._invite, None
        try:
            if invite is not None:
                invite()
            data = bytes(read(size))
        except ParseException as error:
            raise MalformedBody(str(error)) from error
        self._left -= len(data)
        return data

    def _expect_no_more(self) -> None:
        """Refuse half a body: gunicorn takes the end of the connection for the end of a body."""
        if self._left > 0:
            raise MalformedBody("the client left before its body was complete")


def withhold_invitation(_worker: Any, request: Any) -> None:
    """Keep gunicorn from inviting the body by itself; called before it makes an environment."""
    request.is_awaited = request._expected_100_continue  # noqa: SLF001 - there is no other sign
    request._expected_100_continue = False  # noqa: SLF001 - as above


def translating(application: WSGIApplication) -> WSGIApplication:
    """Give ``application`` bodies that fail in a way it knows, and a draining server its close.

    The answer has begun when the application returns, and not one byte of it is out.
    """

    def called(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer = start_response.__self__
        answer.sock.await_body()
        body = environ["wsgi.input"] = _body_of(environ, answer)
        answered: Iterable[bytes] = application(environ, start_response)
        answer.req.is_awaited = body.is_awaited
        if body.is_awaited or is_draining() or body.is_exceeded(answer.req.unreader, answer.sock):
            answer.force_close()
        return Nothing(answered) if environ["REQUEST_METHOD"] == "HEAD" else answered

    return called


class Nothing:
    """The answer to HEAD: not made, so that it need not be thrown away, and closed all the same."""

    def __init__(self, answered: Any) -> None:
        self.close = getattr(answered, "close", _ignore)

    def __iter__(self) -> Iterator[bytes]:
        return iter(())


def _ignore() -> None:
    """Close what has nothing to close."""


def _body_of(environ: dict[str, Any], answer: Any) -> Body:
    length = environ.get("CONTENT_LENGTH")
    if length is None and "HTTP_TRANSFER_ENCODING" in environ:
        length = 0  # at least
    invite = partial(answer.sock.sendall, CONTINUE) if answer.req.is_awaited else None
    return Body(environ["wsgi.input"], length and int(length), invite=invite)
