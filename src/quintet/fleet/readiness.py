"""Whether a service is ready: its own answer, from its own process, on its own port."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import psutil

from quintet.embedded.server import NotReady

TIMEOUT_SECONDS = 5.0
LARGEST_ANSWER_BYTES = 65_536
OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Where to ask, who is expected to answer, and the token that lets it say more than yes."""

    name: str
    port: int
    token: str = ""
    path: str = "/readyz"


async def ask(question: Question) -> None:
    """Return when the service says that it is ready.

    Raises:
        NotReady: It does not answer, says no, or is another service.
    """
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):  # wait_for loses a cancellation, gh-86296
            status, body = await _exchange(question)
    except TimeoutError:
        raise NotReady(f"no answer within {TIMEOUT_SECONDS:g} s") from None
    except (OSError, ValueError, LookupError, asyncio.IncompleteReadError):
        raise NotReady("does not answer") from None
    answer = _object(body)
    if answer.get("service", question.name) != question.name:
        raise NotReady(f"port {question.port} is answered by {answer['service']!r}")
    if status != OK:
        raise NotReady(f"readyz {status}{_failing(answer)}")


def owned(port: int, leader: int) -> bool:
    """Whether the listener on the port is the process or one that it started."""
    try:
        parent = psutil.Process(leader)
        family = [parent, *parent.children(recursive=True)]
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for process in family
            for connection in process.net_connections(kind="tcp")
        )
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


async def _exchange(question: Question) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", question.port)
    try:
        writer.write(_request(question))
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.read(LARGEST_ANSWER_BYTES)
    finally:
        writer.close()
    return int(head.split(b" ", 2)[1]), body


def _request(question: Question) -> bytes:
    lines = [
        f"GET {question.path} HTTP/1.0",
        f"Host: 127.0.0.1:{question.port}",
        "User-Agent: quintet-fleet",
        "Connection: close",
        *([f"Authorization: Bearer {question.token}"] if question.token else []),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _object(body: bytes) -> dict[str, object]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _failing(answer: dict[str, object]) -> str:
    checks = answer.get("checks")
    if not isinstance(checks, dict):
        return ""
    bad = [name for name, check in checks.items() if _is_bad(check)]
    return f": {', '.join(bad)}" if bad else ""


def _is_bad(check: object) -> bool:
    return check is False or (isinstance(check, dict) and check.get("healthy") is False)
