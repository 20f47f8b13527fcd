"""The end of an exchange, brought about by another thread."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Interrupted(Exception):
    """The exchange was ended by its ``Interrupt``; whether the peer did anything is not known."""


class Interrupt:
    """Ends one exchange from another thread, whatever it waits for but the resolving of a name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self.is_set = False

    def set(self) -> None:
        """End the exchange, or let it not begin; what is over stays over."""
        with self._lock:
            self.is_set = True
            if self._sock is not None:
                with suppress(OSError):  # the peer has closed it
                    socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def watch(self, sock: socket.socket | None) -> None:
        """End the exchange by closing ``sock`` from now on; ``None`` when it is over."""
        with self._lock:
            self._sock = sock
            if self.is_set:
                raise Interrupted
