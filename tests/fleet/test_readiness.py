from __future__ import annotations

import asyncio
import json
import os
import subprocess

import pytest

from quintet.embedded import ports
from quintet.embedded.server import NotReady
from quintet.fleet import readiness
from quintet.fleet.readiness import Question


@pytest.fixture
def asked(run):
    """Ask a server that gives one fixed answer; what it was asked is kept."""

    def _asked(answer, **question):
        requests = []

        async def respond(reader, writer):
            requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(answer)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        async def story():
            server = await asyncio.start_server(respond, "127.0.0.1", 0)
            async with server:
                port = server.sockets[0].getsockname()[1]
                await readiness.ask(Question(name="alpha", port=port, **question))

        run(story())
        return requests[0]

    return _asked


@pytest.fixture
def stranger():
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def http(status, body):
    return f"HTTP/1.1 {status} X\r\n\r\n{json.dumps(body)}".encode()


def test_yes_is_ready_and_the_token_is_shown(asked):
    request = asked(http(200, {"status": "ok"}), token="secret")

    assert request.startswith("GET /readyz ")
    assert "Authorization: Bearer secret" in request


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (http(503, {"status": "unavailable"}), "readyz 503"),
        (http(503, {"checks": {"database": {"healthy": False}}}), "readyz 503: database"),
        (http(503, {"checks": {"database": False, "disk": True}}), "readyz 503: database"),
        (http(200, {"service": "beta"}), "answered by 'beta'"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "does not answer"),
        (b"", "does not answer"),
    ],
)
def test_anything_else_is_not_ready_with_its_reason(asked, answer, reason):
    with pytest.raises(NotReady, match=reason):
        asked(answer)


def test_a_port_that_nobody_listens_on_is_not_ready(run):
    with pytest.raises(NotReady, match="does not answer"):
        run(readiness.ask(Question(name="alpha", port=ports.choose())))


def test_silence_is_not_ready(asked, monkeypatch, run):
    monkeypatch.setattr(readiness, "TIMEOUT_SECONDS", 0.1)

    async def story():
        over = asyncio.Event()

        async def say_nothing(reader, writer):
            await reader.read()
            writer.close()
            await writer.wait_closed()
            over.set()

        server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(NotReady, match=r"no answer within 0\.1 s"):
                await readiness.ask(Question(name="alpha", port=port))
            await over.wait()

    run(story())


def test_a_listener_is_known_by_its_process(run):
    async def story():
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        async with server:
            return readiness.owned(server.sockets[0].getsockname()[1], os.getpid())

    assert run(story())


def test_the_listener_of_somebody_else_is_not_ours(run, stranger):
    async def story():
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        async with server:
            return readiness.owned(server.sockets[0].getsockname()[1], stranger.pid)

    assert run(story()) is False
