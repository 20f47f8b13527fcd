"""What has to be put right before Django makes a request of it, under a WSGI server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpResponse

from quintet.middleware.charsets import defused
from quintet.middleware.streams import STREAM

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def bounded(application: Application) -> Application:
    """Stand in front of what ``get_wsgi_application`` returns; ``asgi.bounded`` is its sibling.

    A stream that the server is not given is closed: what it holds would be held for good.
    """

    def called(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        content_type: str = environ.get("CONTENT_TYPE", "")
        if ";" in content_type:
            environ["CONTENT_TYPE"] = defused(content_type)
        try:
            answer = application(environ, start_response)
        except BaseException:  # a server refuses headers that Django lets pass
            _close(environ)
            raise
        if isinstance(answer, HttpResponse):  # and no stream, so somebody has replaced it
            _close(environ)
        return answer

    return called


def _close(environ: dict[str, Any]) -> None:
    stream = environ.pop(STREAM, None)
    if stream is not None:
        stream.close()
