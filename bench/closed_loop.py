"""A closed loop of load: so many connections, each asks again as soon as it was answered.

It says how much a server can do, and nothing about overload: see ``journeys/load.py`` for that.
``wrk`` makes the load where it is installed; else a process of Python does, which takes more of
the processor away from the server.
"""

from __future__ import annotations

import json
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

MOST_SECONDS = 60
RECEIVE_BYTES = 65_536
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Answers per second, latencies in milliseconds, and answers that were not 2xx or lost."""

    per_second: float
    p50: float
    p99: float
    failed: int


def maker() -> str:
    """Name what makes the load on this machine."""
    return "wrk" if shutil.which("wrk") else "Python"


def run(address: tuple[str, int], path: str, *, connections: int, seconds: int) -> Measured:
    """Ask for ``path`` over ``connections`` at once, for ``seconds``."""
    if not 0 < seconds <= MOST_SECONDS:
        raise ValueError(f"{seconds} seconds of load; give 1 to {MOST_SECONDS}")
    host, port = address
    if shutil.which("wrk"):
        url = f"http://{host}:{port}{path}"
        told = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
        return _of_wrk(_printed(told, seconds))
    plan = json.dumps([host, port, path, connections, seconds])
    return Measured(**json.loads(_printed([sys.executable, __file__, plan], seconds)))


def _printed(command: list[str], seconds: int) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=seconds + MOST_SECONDS
    )
    return done.stdout


def _of_wrk(printed: str) -> Measured:
    percentiles = {
        int(percent): float(value) * _MILLISECONDS[unit]
        for percent, value, unit in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)", printed)
    }
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
    lost = re.search(r"Socket errors: (.*)", printed)
    numbers = re.findall(r"\d+", lost[1]) if lost else []
    if rate is None:
        raise SystemExit(f"wrk printed something else:\n{printed}")
    return Measured(
        per_second=float(rate[1]),
        p50=percentiles[50],
        p99=percentiles[99],
        failed=sum(map(int, numbers)) + (int(failed[1]) if failed else 0),
    )


class _Connection:
    """One connection that is asked again and again."""

    def __init__(self, address: tuple[str, int], request: bytes) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self._request = request
        self._received = b""
        self._asked_at = 0.0

    def ask(self) -> None:
        self._received = b""
        self._asked_at = time.perf_counter()
        self.socket.sendall(self._request)

    def answered(self) -> tuple[bool, float] | None:
        """Read on; once the answer is whole, say whether it was a 2xx and how long it took."""
        chunk = self.socket.recv(RECEIVE_BYTES)
        self._received += chunk
        if not chunk:
            raise SystemExit("the server closed a connection")
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not (found and _is_whole(head, body)):
            return None
        return head[9:10] == b"2", (time.perf_counter() - self._asked_at) * 1000


def _is_whole(head: bytes, body: bytes) -> bool:
    """Whether all of a body is there, by its length or by its last chunk."""
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return len(body) >= int(length[1]) if length else body.endswith(b"0\r\n\r\n")


def _loop(host: str, port: int, path: str, connections: int, seconds: int) -> dict[str, float]:
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    latencies: list[float] = []
    failed = 0
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = _Connection((host, port), request)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.ask()
        ends_at = time.perf_counter() + seconds
        while time.perf_counter() < ends_at:
            for key, _ in selector.select(1):
                answer = key.data.answered()
                if answer is not None:
                    failed += not answer[0]
                    latencies.append(answer[1])
                    key.data.ask()
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "per_second": len(latencies) / seconds,
        "p50": cuts[49],
        "p99": cuts[98],
        "failed": failed,
    }


if __name__ == "__main__":
    print(json.dumps(_loop(*json.loads(sys.argv[1]))))
