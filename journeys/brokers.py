"""Brokers of whose servers there is no wheel: run from the machine, as far as it has them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from system import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_SECONDS = 20
RABBITMQ = "127.0.0.1:5672"
ALL_OF_IT = (".*", ".*", ".*")


class Missing(Exception):
    """The machine has no such server."""


@contextmanager
def nats(folder: Path) -> Iterator[str]:
    """A server of our own with JetStream; gives its URL."""
    program = shutil.which("nats-server")
    if program is None:
        raise Missing("nats-server is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [program, "-a", "127.0.0.1", "-p", port, "-js", "-sd", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            assert until(lambda: _answers(int(port)), seconds=PATIENCE_SECONDS)
            yield f"nats://127.0.0.1:{port}"
        finally:
            server.terminate()


@contextmanager
def rabbitmq(_: Path) -> Iterator[str]:
    """A virtual host of our own on the server of the machine; gives its URL."""
    if shutil.which("rabbitmqctl") is None or not _answers(5672):
        raise Missing("no RabbitMQ runs here")
    name = f"quintet-{uuid.uuid4().hex}"
    _told("add_vhost", name)
    try:
        _told("set_permissions", "-p", name, "guest", *ALL_OF_IT)
        yield f"amqp://guest:guest@{RABBITMQ}/{name}"
    finally:
        _told("delete_vhost", name)


BROKERS = {"nats": nats, "rabbitmq": rabbitmq}


def _told(*arguments: str) -> None:
    subprocess.run(["rabbitmqctl", "-q", *arguments], check=True, capture_output=True)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
