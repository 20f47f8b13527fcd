"""Two of a kind behind one gateway, restarted one after the other: ours by the fleet, and stock."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import databases
import servers
from system import ROOT, System

from quintet.embedded.caddy import Caddy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAIR = ROOT / "journeys" / "pair"
NAMES = ("stage", "stage-2")
NOTICED_SECONDS = 0.75


class Pair(Protocol):
    """What is asked, and what it takes to restart both."""

    def address(self) -> tuple[str, int]:
        """Where the gateway is."""

    def restart(self) -> list[int]:
        """Restart both, one after the other; return the exit codes of those that ended."""


@dataclass(slots=True, kw_only=True)
class Ours:
    """The stage with two replicas, as ``quintet up`` runs it."""

    system: System

    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.system.url)
        return parts.hostname or "", parts.port or 80

    def restart(self) -> list[int]:
        self.system.command("restart", "stage", "--rolling")
        return [self.system.unit(name)["exit_code"] for name in NAMES]


@dataclass(slots=True, kw_only=True)
class Stock:
    """Two stock stacks behind the same gateway, which asks them whether they are alive."""

    gateway: Caddy
    members: list[servers.Server]

    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.gateway.url())
        return parts.hostname or "", parts.port or 80

    def restart(self) -> list[int]:
        codes = []
        for member in self.members:
            codes.append(member.stop())
            member.start()
            time.sleep(NOTICED_SECONDS)
        return codes


@contextmanager
def ours(scratch: Path, **variables: str) -> Iterator[Ours]:
    """Run our pair; a variable such as ``STAGE_SERVER`` is for both."""
    made = System(root=PAIR, state=scratch / f"pair-{len(list(scratch.iterdir()))}")
    made.variables.update(variables)
    try:
        made.up()
        yield Ours(system=made)
    finally:
        made.command("down", check=False)


@contextmanager
def stock(scratch: Path) -> Iterator[Stock]:
    """Run the control on one database."""
    with ExitStack() as stack:
        folder = scratch / "stock-pair"
        url = stack.enter_context(databases.database(folder)).url()
        members = [stack.enter_context(servers.stock(scratch, DATABASE_URL=url)) for _ in range(2)]
        gateway = Caddy(folder / "gateway", _configuration([one.port for one in members]))
        gateway.start()
        stack.callback(gateway.stop)
        yield Stock(gateway=gateway, members=members)


def _configuration(ports: list[int]) -> dict[str, Any]:
    """The gateway of the fleet, as far as it matters here, for members without readiness."""
    proxy = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"127.0.0.1:{port}"} for port in ports],
        "health_checks": {"active": {"uri": "/livez", "interval": "0.25s", "expect_status": 200}},
        "load_balancing": {
            "selection_policy": {"policy": "least_conn"},
            "try_duration": "2s",
            "try_interval": "50ms",
        },
    }
    server = {
        "listen": [f"127.0.0.1:{servers.free_port()}"],
        "automatic_https": {"disable": True},
        "routes": [{"handle": [proxy]}],
    }
    log = {"level": "ERROR"}
    return {"logging": {"logs": {"default": log}}, "apps": {"http": {"servers": {"one": server}}}}
