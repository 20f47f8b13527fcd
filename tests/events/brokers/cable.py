"""A cable between a client and a server, which a test may cut, or through which nothing goes."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

AT_ONCE = struct.pack("ii", 1, 0)
"""The option of a socket that ends it with a reset."""


class Cable:
    """Carries connections to a server."""

    def __init__(self, host, port):
        self._server, self._open, self._ends = (host, port), threading.Event(), []
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def block(self):
        """Let nothing through, in connections that stay."""
        self._open.clear()

    def unblock(self):
        """Let everything through again, also what was held back."""
        self._open.set()

    def cut(self):
        """Reset all connections; new ones are carried."""
        ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self):
        """Carry nothing any more."""
        self._listener.close()
        self.unblock()
        self.cut()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._server)
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source, sink):
        with suppress(OSError):
            while data := source.recv(65_536):
                self._open.wait()
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
