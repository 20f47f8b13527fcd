"""A whole system in a state directory of its own: started, looked into, hurt and healed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
STAGE = Path(__file__).resolve().parent / "stage"
SERVICES = ("validation", "users", "products", "payments", "orders")
PATIENCE_SECONDS = 60
HEALTHY = 200
LEFT_OVERS = ("DATABASE_URL", "CACHE_URL", "BROKER_URL")


@dataclass(slots=True, kw_only=True)
class System:
    """What the command line can do to a system, and what the operating system can."""

    root: Path
    state: Path
    url: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    def command(
        self, *arguments: str, given: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `quintet …` as a person would."""
        done = subprocess.run(
            [sys.executable, "-m", "quintet", *arguments],
            cwd=self.root,
            env=self.environment(),
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=4 * PATIENCE_SECONDS,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"quintet {' '.join(arguments)}: {done.stdout}\n{done.stderr}")
        return done

    def environment(self) -> dict[str, str]:
        """Take over the environment of the tests, except what would name other servers."""
        kept = {key: value for key, value in os.environ.items() if not key.endswith(LEFT_OVERS)}
        places = {"QUINTET_ROOT": str(self.root), "QUINTET_STATE": str(self.state)}
        return {**kept, **places, **self.variables}

    def up(self) -> None:
        """Start, and return when every service is ready."""
        self.command("up", "--detach")
        self.command("wait")
        self.url = self.status()["gateway"]

    def down(self) -> None:
        """Stop; what was stored stays."""
        self.command("down")

    def status(self) -> dict[str, Any]:
        """Return what `status --json` says."""
        found: dict[str, Any] = json.loads(self.command("status", "--json", check=False).stdout)
        return found

    def unit(self, name: str) -> dict[str, Any]:
        """Return what the supervisor knows of one process."""
        return next(unit for unit in self.status()["units"] if unit["name"] == name)

    def gateway(self) -> Gateway:
        """Return the door; it stays right when the system comes up at another port."""
        return Gateway(lambda: self.url)

    def inside(self, name: str) -> Gateway:
        """Return the port of a service, which the gateway keeps others from."""
        port = self.unit(name)["port"]
        return Gateway(lambda: f"http://127.0.0.1:{port}")

    def manage(self, service: str, *arguments: str, given: str | None = None) -> str:
        """Run a management command and return what it printed."""
        return self.command("manage", service, *arguments, given=given).stdout

    def environment_of(self, service: str) -> dict[str, str]:
        """Return the environment that a running service was given."""
        return psutil.Process(self.unit(service)["pid"]).environ()

    def supervisor(self) -> psutil.Process:
        """Return the process that keeps all others up."""
        recorded = json.loads((self.state / "state.json").read_text())
        return psutil.Process(recorded["supervisor"]["pid"])

    def processes(self) -> list[psutil.Process]:
        """Return everything that belongs to this system."""
        supervisor = self.supervisor()
        return [supervisor, *supervisor.children(recursive=True)]

    def is_whole(self) -> bool:
        """Say whether everything is ready, and every service calls the others again."""
        units = self.status()["units"]
        return all(unit["state"] == "ready" for unit in units) and all(
            Gateway(lambda at=unit["port"]: f"http://127.0.0.1:{at}").ask("GET", "/health/").status
            == HEALTHY
            for unit in units
            if unit["kind"] == "service"
        )

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Let a service hold its connections and answer nothing."""
        group = self.unit(name)["pid"]
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)
            until(self.is_whole)

    @contextmanager
    def dead(self, name: str) -> Iterator[None]:
        """Kill a service and keep the supervisor from starting it again meanwhile."""
        unit, supervisor = self.unit(name), self.supervisor()
        supervisor.suspend()
        try:
            os.killpg(unit["pid"], signal.SIGKILL)
            yield
        finally:
            supervisor.resume()
            until(lambda: self.unit(name)["pid"] not in {unit["pid"], None})
            until(self.is_whole)

    def lines(self, correlation_id: str) -> dict[str, list[dict[str, Any]]]:
        """Return what each process logged about one request."""
        found: dict[str, list[dict[str, Any]]] = {}
        for file in sorted((self.state / "logs").glob("*.log")):
            for line in file.read_text(errors="replace").splitlines():
                if correlation_id in line and line.startswith("{"):
                    found.setdefault(file.stem, []).append(json.loads(line))
        return found


def until(true: Callable[[], Any], *, seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait for something to become true and return it."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still not true after {seconds} seconds: {true}")
        time.sleep(0.1)
    return found
