"""Caddy in a directory: the given configuration, and an admin socket for this user only."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from quintet.embedded import binaries, ports, spawn
from quintet.embedded.server import Launch, NotReady, Server, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SOCKET = "admin.sock"
TIMEOUT_SECONDS = 10


class Caddy(Server):
    """One Caddy with ``config``, a JSON configuration without its ``admin`` part."""

    name = "caddy"

    def __init__(self, directory: Path, config: Mapping[str, Any]) -> None:
        super().__init__(directory.absolute())
        self.config = config

    def prepare(self) -> Launch:
        program = binaries.caddy()
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for host, port in self._addresses():
            _refuse_taken(host, port)
        file = self.directory / "caddy.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(self._whole(self.config), indent=1), encoding="utf-8")
        (self.directory / SOCKET).unlink(missing_ok=True)
        return Launch(
            argv=(str(program.path), "run", "--config", file.name),
            env=dict(os.environ) | {"XDG_DATA_HOME": str(self.directory / "data")},
            cwd=self.directory,
            preexec=spawn.ends_with_parent(signal.SIGTERM),
            stop_signal=self.stop_signal,
        )

    def probe(self) -> None:
        identity = self._identity()
        try:
            status, body = self._ask("GET", f"/id/{identity}/@id")
        except (OSError, http.client.HTTPException) as error:
            raise NotReady(f"caddy: {error}") from error
        if status != http.client.OK or json.loads(body) != identity:
            raise NotReady(f"caddy: its configuration is not the one of {self.directory}")

    def load(self, config: Mapping[str, Any]) -> None:
        """Replace the running configuration, closing no connection; a bad one is refused."""
        status, body = self._ask("POST", "/load", json.dumps(self._whole(config)).encode())
        if status != http.client.OK:
            raise ValueError(f"Caddy refused the configuration: {body.decode(errors='replace')}")
        self.config = config

    def url(self) -> str:
        """The first address that the configuration listens on."""
        host, port = next(iter(self._addresses()), (ports.LOOPBACK, 80))
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{port}"

    def _identity(self) -> str:
        return f"quintet-{ports.secret(self.directory / 'identity')}"

    def _whole(self, config: Mapping[str, Any]) -> dict[str, Any]:
        admin = {"listen": f"unix/{SOCKET}|0600", "config": {"persist": False}}
        return {**config, "@id": self._identity(), "admin": admin}

    def _addresses(self) -> Iterator[tuple[str, int]]:
        servers = self.config.get("apps", {}).get("http", {}).get("servers", {})
        for server in servers.values():
            for address in server.get("listen", ()):
                host, _, port = address.rpartition(":")
                yield host.strip("[]") or ports.LOOPBACK, int(port)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        with self._socket_path() as address:
            connection = _UnixConnection(address)
            try:
                connection.request(method, path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                return response.status, response.read()
            finally:
                connection.close()

    @contextmanager
    def _socket_path(self) -> Iterator[str]:
        """A name of the socket that fits the kernel's 108 bytes, however deep the directory."""
        if not spawn.LINUX:
            yield str(self.directory / SOCKET)
            return
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            yield f"/proc/self/fd/{descriptor}/{SOCKET}"
        finally:
            os.close(descriptor)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(self.path)


def _refuse_taken(host: str, port: int) -> None:
    """Caddy shares ports (SO_REUSEPORT): a second one would take half of the requests."""
    if port and not ports.is_free(port, host=host):
        raise Unavailable(
            f"Port {port} is taken by {ports.owner(port)}.",
            remedy="Stop it, or choose another port for the gateway in quintet.yaml.",
        )
