"""One stack in a process of its own: told how many requests to run, it answers with CPU seconds.

Requests enter through the WSGI handler, as from a server, and leave as bytes. What is logged goes
to a file.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[dict[str, Any], Callable[..., Any]], Any]

ENVIRON = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "QUERY_STRING": "",
    "SERVER_NAME": "testserver",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "HTTP_HOST": "testserver",
    "HTTP_ACCEPT": "application/json",
    "HTTP_USER_AGENT": "quintet-bench",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
    "wsgi.errors": sys.stderr,
}
DISTINCT_PATHS = 50


def main() -> None:
    """Serve one stack until the driver closes the pipe."""
    handler = configured(sys.argv[1])
    orders, results = os.fdopen(int(sys.argv[2])), os.fdopen(int(sys.argv[3]), "w")
    run(handler, DISTINCT_PATHS)
    gc.collect()
    gc.freeze()
    print("ready", file=results, flush=True)
    for order in orders:
        print(run(handler, int(order)), file=results, flush=True)


def configured(name: str) -> Handler:
    """Set Django up for the stack and return its WSGI handler."""
    import django
    from django.conf import settings

    from stacks import settings_of

    settings.configure(**settings_of(name))
    settings.INSTRUMENT()
    django.setup()
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def run(handler: Handler, times: int) -> float:
    """Send requests one after another; return the CPU seconds of this thread for each."""
    statuses: list[str] = []
    began = time.thread_time()
    for number in range(times):
        environ = {**ENVIRON, "PATH_INFO": f"/api/v1/things/{number % DISTINCT_PATHS}/"}
        environ["wsgi.input"] = BytesIO()
        response = handler(environ, lambda status, *_: statuses.append(status))
        for _ in response:
            pass
        response.close()
    spent = time.thread_time() - began
    if set(statuses) != {"200 OK"}:
        raise SystemExit(f"the stack answered {sorted(set(statuses))}")
    return spent / times


if __name__ == "__main__":
    main()
