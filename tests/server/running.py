"""One served process of the shop, and what can be done to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from quintet.embedded import ports

HERE = Path(__file__).parent
COMMAND = [sys.executable, "-m", "quintet", "serve"]
SCRIPT = [str(Path(sys.executable).with_name("quintet")), "serve"]
PATIENCE_SECONDS = 60


def environment(**changed: str) -> dict[str, str]:
    """What the shop needs, and nothing from the process that tests it but coverage."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    return (
        kept
        | {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "shop.settings",
            "SERVICE_ENVIRONMENT": "test",
            "SECRET_KEY": "k3y-" + "abcdefghijklmnopqrstuvwxyz0123456789" * 2,
            "ALLOWED_HOSTS": "127.0.0.1",
            "DRAIN_SECONDS": "0",
        }
        | changed
    )


def attempt(*arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
    """Serve, expecting that it ends by itself."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=HERE,
        env=environment(**changed),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


class Shop:
    """A running server and its log."""

    def __init__(
        self,
        log: Path,
        command: list[str] = COMMAND,
        *,
        start_new_session: bool = False,
        **changed: str,
    ) -> None:
        self.port = ports.choose()
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=HERE,
                env=environment(PORT=str(self.port), **changed),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=start_new_session,
            )

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """Ask on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def send(self, data: bytes) -> tuple[str, http.client.HTTPMessage, dict[str, object]]:
        """Send raw bytes; give the status with its reason, the headers and the decoded body."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS) as raw:
            raw.sendall(data)
            response = http.client.HTTPResponse(raw)
            response.begin()
            return (
                f"{response.status} {response.reason}",
                response.headers,
                json.loads(response.read()),
            )

    def pid(self) -> int:
        """The worker process that happens to answer."""
        return int(json.loads(self.get("/worker/")[1])["pid"])

    def workers(self) -> set[int]:
        """Every worker process, as the log names them, that is still alive."""
        named = re.findall(r"worker(?:-\d+)? with (?i:pid): (\d+)", self.log.read_text())
        return {int(pid) for pid in named if Path(f"/proc/{pid}").exists()}

    def counted(self) -> float:
        """How many requests for ``/worker/`` all processes together have answered with 200."""
        text = self.get("/metrics")[1].decode()
        series = (
            r'^http_requests_total\{endpoint="[^"]*worker[^"]*",method="GET",status="200"\} (\S+)'
        )
        return sum(float(number) for number in re.findall(series, text, re.MULTILINE))

    def wait_until(self, condition) -> None:
        """Look again and again, and give up loudly when the process ends or patience does."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether it accepts connections."""
        try:
            return self.get("/worker/")[0] == http.client.OK
        except OSError:
            return False

    def lines(self) -> list[dict[str, object]]:
        """What it has logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def kill(self) -> None:
        """End it and its workers now, if they have not ended."""
        for pid in (self.process.pid, *self.workers()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end; give its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)
