"""What has to be put right before Django makes a request of it, under a WSGI server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from quintet.middleware.charsets import defused

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def bounded(application: Application) -> Application:
    """Stand in front of what ``get_wsgi_application`` returns; ``asgi.bounded`` is its sibling."""

    def called(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        content_type: str = environ.get("CONTENT_TYPE", "")
        if ";" in content_type:
            environ["CONTENT_TYPE"] = defused(content_type)
        return application(environ, start_response)

    return called
