"""Ports chosen by the kernel and remembered by a directory, and secrets likewise."""

from __future__ import annotations

import os
import secrets
import socket
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "127.0.0.1"


def is_free(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether nobody listens, not even a listener that shares its port (SO_REUSEPORT)."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose() -> int:
    """Ask the kernel for a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def remembered(directory: Path) -> int:
    """The port of last time if it is still free, else a new one; kept in ``directory/port``."""
    file = directory / "port"
    port = recorded(directory)
    if port is None or not is_free(port):
        port = choose()
        file.write_text(f"{port}\n", encoding="ascii")
    return port


def recorded(directory: Path) -> int | None:
    """The port that ``directory`` remembers, free or not."""
    try:
        return int((directory / "port").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None


def owner(port: int) -> str:
    """Name the process that listens on ``port``, as far as we may know it."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return "another process"
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
        if listens and connection.pid:
            return f"pid {connection.pid} ({' '.join(_command(connection.pid))[:80]})"
    return "another process"


def secret(file: Path) -> str:
    """Read the secret kept in ``file``, made at random (mode 0600) on first use.

    It appears whole or not at all, so that a full disk never leaves an empty one.
    """
    try:
        kept = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        kept = ""
    if kept:
        return kept
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    partial.touch(mode=0o600)
    partial.write_text(secrets.token_urlsafe(32), encoding="ascii")
    partial.replace(file)
    return file.read_text(encoding="ascii")


def _command(pid: int) -> list[str]:
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return ["?"]
