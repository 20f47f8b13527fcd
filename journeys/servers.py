"""One service process without supervisor and gateway, ours or the stock one it is measured against.

Both are started in the same way and asked by the same addresses, so that one scenario runs on both.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from gateway import Gateway
from system import LEFT_OVERS, STAGE, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STOCK = Path(__file__).resolve().parent / "stock"
STOCK_THREADS = 8
STOP_SECONDS = 40
GUARD = "import os, signal, sys; sys.stdin.read(); os.killpg(int(sys.argv[1]), signal.SIGKILL)"


@dataclass(slots=True, kw_only=True)
class Server:
    """A server at a port of its own; `log` has everything that it wrote."""

    name: str
    folder: Path
    program: tuple[str, ...]
    variables: Mapping[str, str]
    scratch: Path
    port: int = 0
    output: int | None = None
    """A descriptor that takes its output in place of the log."""

    process: subprocess.Popen[bytes] = field(init=False)
    guard: subprocess.Popen[bytes] = field(init=False)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def log(self) -> Path:
        return self.scratch / f"{self.name}.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def door(self) -> Gateway:
        """Whom to ask; here it is the server itself."""
        return Gateway(lambda: self.url)

    def start(self) -> None:
        """Start, and return when it answers."""
        self.port = self.port or free_port()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [word.replace("{port}", str(self.port)) for word in self.program],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log if self.output is None else self.output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # Whatever ends the tests ends the server: the guard's standard input ends with them.
        guard = [sys.executable, "-S", "-c", GUARD, str(self.process.pid)]
        # It has a session of its own, since Ctrl-C reaches all of a terminal's.
        self.guard = subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True)
        until(self.answers, seconds=30)

    def answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended at once:\n{self.log.read_text()[-3000:]}")
        try:
            return self.door().ask("GET", "/livez").status == 200
        except OSError:
            return False

    def stop(self) -> int:
        """Stop as an orchestrator does, first in words, and return the exit code."""
        self.process.terminate()
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} still ran {STOP_SECONDS} s after SIGTERM") from None
        self._dismiss()
        return code

    def kill(self) -> None:
        """Leave nothing of it, dead or alive."""
        for process in self.processes():
            process.kill()
        self.process.wait()
        self._dismiss()

    def _dismiss(self) -> None:
        self.guard.kill()
        self.guard.communicate()

    def processes(self) -> list[psutil.Process]:
        """The server and its workers."""
        try:
            server = psutil.Process(self.process.pid)
            return [server, *server.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def workers(self) -> list[psutil.Process]:
        """The processes that answer."""
        return self.processes()[1:]

    def environment(self) -> dict[str, str]:
        """Take over the environment of the tests, except what would name other servers."""
        kept = {key: value for key, value in os.environ.items() if not key.endswith(LEFT_OVERS)}
        return {**kept, "HOST": "127.0.0.1", "PORT": str(self.port), **self.variables}

    def manage(self, *arguments: str) -> None:
        """Run a management command in the environment of the server."""
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )


@contextmanager
def stage(
    scratch: Path,
    *,
    output: int | None = None,
    port: int = 0,
    within: tuple[str, ...] = (),
    **variables: str,
) -> Iterator[Server]:
    """Our service, run as production runs it; its rows are in a file unless a URL is given.

    ``within`` are words before its own, of a program that becomes it.
    """
    given = {
        "DJANGO_SETTINGS_MODULE": "stage.settings",
        "SERVICE_ENVIRONMENT": "test",
        "SECRET_KEY": "nothing-is-signed-here",
        "ALLOWED_HOSTS": "127.0.0.1",
    }
    program = (*within, sys.executable, "-m", "quintet", "serve")
    made = _made("stage", STAGE, program, scratch=scratch, variables={**given, **variables})
    made.output, made.port = output, port
    with _serving(made):
        yield made


@contextmanager
def stock(
    scratch: Path,
    *flags: str,
    output: int | None = None,
    within: tuple[str, ...] = (),
    **variables: str,
) -> Iterator[Server]:
    """The control: the same views on Django, DRF and gunicorn with eight threads."""
    program = (
        *(*within, sys.executable, "-m", "gunicorn", "stock.wsgi"),
        *("--worker-class", "gthread", "--threads", str(STOCK_THREADS)),
        # Its control socket has one path for all that run on a machine.
        *("--bind", "127.0.0.1:{port}", "--no-control-socket", *flags),
    )
    made = _made("stock", STOCK, program, scratch=scratch, variables=variables)
    made.output = output
    with _serving(made):
        yield made


def _made(
    name: str, folder: Path, program: tuple[str, ...], *, scratch: Path, variables: dict[str, str]
) -> Server:
    own = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=scratch))
    rows = {"DATABASE_URL": f"sqlite:///{own / 'rows.db'}"}
    return Server(
        name=name, folder=folder, program=program, variables={**rows, **variables}, scratch=own
    )


@contextmanager
def _serving(made: Server) -> Iterator[None]:
    made.manage("migrate", "--verbosity=0")
    try:
        made.start()
        yield
    finally:
        if hasattr(made, "guard"):
            made.kill()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
