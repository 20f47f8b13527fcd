"""Where the bytes of a stream go without a wait: a pipe, a terminal, a socket, a file, any object.

``O_NONBLOCK`` belongs to what is open, not to a descriptor of it: set on standard output, it would
break the shell or the sibling that shares it. So a pipe or a terminal is opened a second time, for
this process alone, and a socket is told with each message.
"""

from __future__ import annotations

import os
import select
import socket
import stat
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Send = Callable[[bytes], int]

OWN_DESCRIPTORS = "/proc/self/fd"


class Sink:
    """``send`` takes what fits at this moment, and raises ``BlockingIOError`` when nothing does."""

    def __init__(self, send: Send, *, patiently: Send, close: Callable[[], object]) -> None:
        self.send = send
        self.send_patiently = patiently
        """Takes some of it, however long the reader lets it wait."""
        self._close = close

    def __del__(self) -> None:
        self._close()


def sink_of(stream: Any) -> Sink:
    """Find out what ``stream`` writes to; one without a descriptor is written to as it is."""
    try:
        descriptor: int = stream.fileno()
        mode = os.fstat(descriptor).st_mode
    except (AttributeError, OSError, ValueError):
        through = partial(_write_through, stream)
        return Sink(through, patiently=through, close=_keep_open)
    if stat.S_ISSOCK(mode):
        return _of_socket(descriptor)
    if stat.S_ISFIFO(mode) or os.isatty(descriptor):
        return _of_pipe(descriptor)
    write = partial(os.write, descriptor)
    return Sink(write, patiently=write, close=_keep_open)


def _of_socket(descriptor: int) -> Sink:
    connection = socket.socket(fileno=os.dup(descriptor))

    def send(data: bytes) -> int:
        return connection.send(data, socket.MSG_DONTWAIT)

    return Sink(send, patiently=_waiting(send, connection.fileno()), close=connection.close)


def _of_pipe(descriptor: int) -> Sink:
    try:
        own = os.open(f"{OWN_DESCRIPTORS}/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:  # it belongs to another user, or this is no Linux
        return Sink(_not_now, patiently=partial(os.write, descriptor), close=_keep_open)
    write = partial(os.write, own)
    return Sink(write, patiently=_waiting(write, own), close=partial(os.close, own))


def _waiting(send: Send, descriptor: int) -> Send:
    def send_patiently(data: bytes) -> int:
        poller = select.poll()
        poller.register(descriptor, select.POLLOUT)
        while True:
            poller.poll()
            try:
                return send(data)
            except BlockingIOError:
                continue  # another process that shares the pipe was faster

    return send_patiently


def _write_through(stream: Any, data: bytes) -> int:
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(data.decode())
    else:
        buffer.write(data)
    stream.flush()
    return len(data)


def _not_now(_: bytes) -> int:
    raise BlockingIOError


def _keep_open() -> None:
    """Leave what is not ours as it is."""
