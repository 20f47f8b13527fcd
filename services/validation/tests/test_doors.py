"""Both doors that a server may load."""

from __future__ import annotations

import asyncio
from wsgiref.util import setup_testing_defaults

from asgiref.testing import ApplicationCommunicator

from validation import asgi, wsgi


def test_the_wsgi_door_answers():
    environ, answers = {"PATH_INFO": "/livez", "HTTP_HOST": "localhost"}, []
    setup_testing_defaults(environ)

    response = wsgi.application(environ, lambda status, _headers: answers.append(status))
    b"".join(response)
    response.close()

    assert answers == ["200 OK"]


def test_the_asgi_door_answers():
    async def answer():
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/livez",
            "headers": [(b"host", b"localhost")],
            "client": ("127.0.0.1", 1),
        }
        door = ApplicationCommunicator(asgi.application, scope)
        await door.send_input({"type": "http.request"})
        start, _body = await door.receive_output(), await door.receive_output()
        await door.wait()
        return start

    assert asyncio.run(answer())["status"] == 200
