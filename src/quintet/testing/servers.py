"""Real servers for tests: named in the environment, else started from a wheel or the machine."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from quintet.embedded import binaries
from quintet.embedded.postgres import Postgres
from quintet.embedded.server import Unavailable
from quintet.embedded.valkey import DATABASES, Valkey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quintet.embedded.server import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A server that tests may ask for."""

    variable: str
    find: Callable[[], binaries.Program]
    make: Callable[[Path], Server]


KINDS = {
    "postgres": Kind(
        variable="QUINTET_TEST_POSTGRES_URL",
        find=binaries.postgres,
        make=lambda folder: Postgres(folder, durable=False),
    ),
    "valkey": Kind(
        variable="QUINTET_TEST_REDIS_URL",
        find=binaries.valkey,
        make=lambda folder: Valkey(folder, durable=False),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One row of the header: a server that answers, or why there is none."""

    name: str
    source: str
    url: str = ""
    version: str = ""
    ready_seconds: float = 0.0
    remedy: str = ""

    def __str__(self) -> str:
        if not self.url:
            return f"{self.name:<9} NOT FOUND  its tests are skipped: {self.remedy}"
        shown = self.version or "?"
        return f"{self.name:<9} {shown:<9} {self.source:<11} ready {self.ready_seconds:.1f} s"


def resolve(name: str, stack: ExitStack) -> Found:
    """Take the server of the environment, else start one that ``stack`` stops and removes."""
    kind = KINDS[name]
    given = os.environ.get(kind.variable)
    if given:
        return Found(name=name, source="environment", url=given)
    began = time.monotonic()
    try:
        program = kind.find()
        server = _start(kind, stack)
    except Unavailable as error:
        remedy = f"{error} Or set {kind.variable}."
        return Found(name=name, source="", remedy=remedy)
    return Found(
        name=name,
        source=program.source,
        url=server.url(),
        version=program.version(),
        ready_seconds=time.monotonic() - began,
    )


@contextmanager
def shared_servers(logs: Path) -> Iterator[dict[str, str]]:
    """Start each server once for several pytest processes; give the variables that name them."""
    with ExitStack() as stack:
        found = [(kind, resolve(name, stack)) for name, kind in KINDS.items()]
        lines = [str(server) for _, server in found]
        (logs / "servers.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
        yield {kind.variable: server.url for kind, server in found if server.url}


def for_settings(urls: dict[str, str], part: str) -> dict[str, str]:
    """Turn the URLs of servers into the variables that a service reads."""
    variables = {}
    if "postgres" in urls:
        variables["DATABASE_URL"] = database_url(urls["postgres"], part)
    if "valkey" in urls:
        variables["CACHE_URL"] = cache_url(urls["valkey"], part)
    return variables


def database_url(server: str, part: str) -> str:
    """Name the database after the part and its place, so that two clones can share a server.

    Django puts ``test_`` before the name: whatever else the server holds is never touched.
    """
    place = zlib.crc32(str(Path.cwd()).encode())
    return urlunsplit(urlsplit(server)._replace(path=f"/{part}_{place:08x}"))


def cache_url(server: str, part: str) -> str:
    """Give each part a numbered database of its own: clearing a cache empties all of it."""
    number = 1 + zlib.crc32(part.encode()) % (DATABASES - 1)
    return urlunsplit(urlsplit(server)._replace(path=f"/{number}"))


def _start(kind: Kind, stack: ExitStack) -> Server:
    folder = Path(tempfile.mkdtemp(prefix="quintet-test-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    server = kind.make(folder)
    stack.callback(server.stop)
    server.start()
    return server
