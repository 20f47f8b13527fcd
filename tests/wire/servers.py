"""Real servers on loopback: a well-behaved one that speaks HTTP, and a raw one that does not."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.connections += 1

    def do(self):
        length = int(self.headers.get("Content-Length", 0))
        self.body = self.rfile.read(length)
        self.server.requests.append(self)
        self.server.respond(self)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do

    def reply(self, status=200, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reply_json(self, value, status=200):
        self.reply(status, json.dumps(value).encode(), Content_Type="application/json")

    def log_message(self, *args):
        pass


class Loopback(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, respond):
        super().__init__(("127.0.0.1", 0), Handler)
        self.respond = respond
        self.requests = []
        self.connections = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that hangs up is part of many tests."""


@contextmanager
def serving(respond):
    """A server that lets ``respond(handler)`` answer every request."""
    with Loopback(respond) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def talking(script, *, wrap=lambda sock: sock):
    """A server that runs ``script(socket, gone)`` on every connection; yields its URL.

    ``gone`` is an event that is set when the test is over.
    """
    gone = threading.Event()
    threads, open_sockets = [], []

    def accept(listener):
        while not gone.is_set():
            try:
                sock, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=converse, args=(sock,)))
            threads[-1].start()

    def converse(sock):
        with sock:
            try:
                with wrap(sock) as wrapped:
                    open_sockets.append(wrapped)
                    script(wrapped, gone)
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        listener.settimeout(0.02)
        acceptor = threading.Thread(target=accept, args=(listener,))
        acceptor.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            gone.set()
            acceptor.join()
            for sock in open_sockets:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def read_head(sock):
    """Read one request's head off a raw connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = sock.recv(4096)
        if not chunk:
            break
        received += chunk
    return received


def saying(*pieces):
    """A script that reads a request and says these bytes, then hangs up."""

    def script(sock, gone):
        read_head(sock)
        for piece in pieces:
            sock.sendall(piece)

    return script


def dripping(start, drop, *, every=0.02):
    """A script that says something and then drips until the test is over."""

    def script(sock, gone):
        read_head(sock)
        sock.sendall(start)
        while not gone.wait(every):
            sock.sendall(drop)

    return script


def closed_port():
    """A port of loopback on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
