"""Sends bytes to a server and reads what it says, however often it says it."""

from __future__ import annotations

import http.client
import io
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE_SECONDS = 40
_PIECE_BYTES = 65_536
_INTERIM = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(
    address: tuple[str, int], data: bytes, *, patience_seconds: float = PATIENCE_SECONDS
) -> list[Reply]:
    """Send ``data`` on a connection of its own; return all answers until the server closes it.

    Whoever says nothing for so long and does not close it raises ``TimeoutError``; a reset loses
    nothing that has arrived before.
    """
    with socket.create_connection(address, timeout=patience_seconds) as connection:
        with suppress(ConnectionError):  # who refuses need not read all of it
            connection.sendall(data)
        received = bytearray()
        with suppress(ConnectionError):
            while piece := connection.recv(_PIECE_BYTES):
                received += piece
    return _replies(bytes(received), data.partition(b" ")[0].decode("latin-1"))


def _replies(received: bytes, method: str) -> list[Reply]:
    replies, file = [], io.BytesIO(received)
    while file.tell() < len(received):
        response = http.client.HTTPResponse(cast("Any", _Held(file)), method=method)
        response.begin()
        body = response.read()
        if response.status >= _INTERIM:
            headers = {name.lower(): value for name, value in response.getheaders()}
            replies.append(Reply(status=response.status, headers=headers, body=body))
            method = "GET"  # what follows answers somebody else's request
    return replies


class _Held:
    """Hands ``http.client`` a file that is still open for the answer after this one."""

    def __init__(self, file: io.BytesIO) -> None:
        self._file = file

    def makefile(self, _mode: str) -> _Held:
        return self

    def close(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
