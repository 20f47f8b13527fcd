"""PostgreSQL in a directory: made on first use, reached over loopback with a random password."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psutil

from quintet.embedded import binaries, ports, spawn
from quintet.embedded.server import Launch, NotReady, Server, Unavailable, same_directory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

SUPERUSER = "quintet"
MAX_CONNECTIONS = 200
HAS_BUILTIN_LOCALE = 17
LEAVING_SECONDS = 10
DEAD_PID = 2**31 - 1  # above every pid a kernel gives out

QUIET = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": str(MAX_CONNECTIONS),
    "synchronous_commit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A statement and the detail of an error hold what people have entered.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "jit": "off",
}
FORGETFUL = {"fsync": "off", "full_page_writes": "off"}


class Postgres(Server):
    """One PostgreSQL cluster; ``durable=False`` is faster and does not survive a power cut."""

    name = "postgres"
    stop_signal = signal.SIGINT  # a fast shutdown: no new work, running transactions rolled back

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        super().__init__(directory.absolute())
        self.durable = durable
        self.data = self.directory / "data"

    def prepare(self) -> Launch:
        program = binaries.postgres()
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        preexec = self._preexec(program.path)
        if not (self.data / "PG_VERSION").is_file():
            self._initialise(program, preexec)
        self._check_version(program)
        self._clear_lock()
        port = ports.remembered(self.directory)
        return Launch(
            argv=(str(program.path), "-D", str(self.data), *self._options(port)),
            env=_environment(),
            cwd=self.directory,
            preexec=preexec,
            stop_signal=self.stop_signal,
        )

    def probe(self) -> None:
        import psycopg  # an extra: only who embeds PostgreSQL has it

        try:
            with self.connect() as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.Error as error:
            raise NotReady(f"postgres: {str(error).strip()}") from error
        served = str(row[0]) if row else ""
        if not same_directory(served, self.data):
            raise NotReady(f"postgres: the server on this port serves {served}, not {self.data}")

    def url(self, database: str = "postgres", *, user: str = SUPERUSER, password: str = "") -> str:
        """A URL of ``database``; without ``user`` and ``password`` it is the superuser's."""
        credentials = f"{quote(user, safe='')}:{quote(password or self._password(), safe='')}"
        port = ports.recorded(self.directory)
        return f"postgres://{credentials}@{ports.LOOPBACK}:{port}/{quote(database, safe='')}"

    def connect(self, database: str = "postgres") -> Connection:
        """Connect as superuser, in autocommit; the password is proven, never sent."""
        import psycopg  # an extra: only who embeds PostgreSQL has it

        return psycopg.connect(
            self.url(database), autocommit=True, connect_timeout=3, require_auth="scram-sha-256"
        )

    def create_service(self, name: str, password: str, *, creates_databases: bool = False) -> str:
        """Give ``name`` a role and a database that no other service can open; return the URL.

        Calling it again sets the password. Tests want ``creates_databases``: they make their own.
        Raises ``Unavailable``.
        """
        import psycopg  # an extra: only who embeds PostgreSQL has it

        try:
            with self.connect() as connection:
                _set_role(connection, name, password=password, creates_databases=creates_databases)
                _own_database(connection, name)
        except psycopg.Error as error:
            raise Unavailable(
                f"PostgreSQL made no database for {name}: {str(error).strip()}.",
                remedy=f"Free some disk space, or look at {self.directory}.",
            ) from error
        return self.url(name, user=name, password=password)

    def _password(self) -> str:
        return ports.secret(self.directory / "password")

    def _options(self, port: int) -> list[str]:
        settings = QUIET | {"port": str(port)} | ({} if self.durable else FORGETFUL)
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def _initialise(self, program: binaries.Program, preexec: Callable[[], None]) -> None:
        """Run ``initdb`` beside the final place: a half-made cluster is never taken for one."""
        partial = self.directory / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self._password()
        self._give_to_nobody()
        made = subprocess.run(
            [
                str(program.path.with_name("initdb")),
                f"--pgdata={partial}",
                f"--username={SUPERUSER}",
                f"--pwfile={self.directory / 'password'}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                *_locale(program),
                "--no-instructions",
                "--no-sync",
            ],
            cwd=self.directory,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=preexec,
        )
        if made.returncode != 0:
            raise Unavailable(
                f"initdb failed: {made.stderr.strip()[-500:]}",
                remedy="Free some disk space or remove the directory, or set DATABASE_URL.",
            )
        partial.rename(self.data)

    def _check_version(self, program: binaries.Program) -> None:
        made_by = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        major = program.version().partition(".")[0]
        if made_by != major:
            raise Unavailable(
                f"{self.data} was made by PostgreSQL {made_by}, but {program.path} is {major}.",
                remedy="Dump it with the old version, or remove the directory to start empty.",
            )

    def _clear_lock(self) -> None:
        """Wait for a server that is leaving; disarm a lock whose pid went to a stranger."""
        lock = self.data / "postmaster.pid"
        try:
            lines = lock.read_text(encoding="utf-8").splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        process = _postmaster(pid, self.data)
        if process is None:
            if psutil.pid_exists(pid):
                # The other lines stay: by them PostgreSQL finds backends that outlived it.
                lock.write_text("\n".join([str(DEAD_PID), *lines[1:], ""]), encoding="utf-8")
            return
        try:
            process.wait(LEAVING_SECONDS)
        except psutil.TimeoutExpired as error:
            raise Unavailable(
                f"Process {pid} already serves {self.data}.", remedy=f"Stop it: kill -INT {pid}."
            ) from error

    def _preexec(self, program: Path) -> Callable[[], None]:
        if spawn.is_ordinary_user():
            return spawn.ends_with_parent(self.stop_signal)
        if spawn.user_namespaces_work():
            return spawn.in_user_namespace(self.stop_signal)
        if os.geteuid() != 0:
            raise Unavailable(
                f"PostgreSQL refuses to run as user {os.geteuid()}, which has no name on this"
                " machine, and user namespaces are off here.",
                remedy="Give the user an entry in /etc/passwd, or set DATABASE_URL.",
            )
        self._give_to_nobody()
        preexec = spawn.as_nobody(self.stop_signal)
        reachable = f'test -x "{program}" && test -w "{self.directory}"'
        if spawn.can_run(["sh", "-c", reachable], preexec):
            return preexec
        raise Unavailable(
            "PostgreSQL refuses to run as root, user namespaces are off here, and nobody may not"
            f" reach {program} or {self.directory}.",
            remedy="Run as an ordinary user, or set DATABASE_URL.",
        )

    def _give_to_nobody(self) -> None:
        if os.geteuid() != 0 or spawn.user_namespaces_work():
            return
        # A root without that right is found out by the trial that follows.
        with suppress(PermissionError):
            for path in (self.directory, *self.directory.rglob("*")):
                shutil.chown(path, "nobody")


def _environment() -> dict[str, str]:
    """The caller's environment without PG* variables, which would redirect the server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _locale(program: binaries.Program) -> list[str]:
    if int(program.version().partition(".")[0]) >= HAS_BUILTIN_LOCALE:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--no-locale"]


def _postmaster(pid: int, data: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        return process if str(data) in process.cmdline() else None
    except psutil.Error:
        return None


def _set_role(connection: Connection, name: str, *, password: str, creates_databases: bool) -> None:
    from psycopg import sql  # an extra: only who embeds PostgreSQL has it

    hashed = connection.pgconn.encrypt_password(password.encode(), name.encode())
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    connection.execute(
        sql.SQL("{verb} ROLE {role} LOGIN {may} PASSWORD {hashed}").format(
            verb=sql.SQL("ALTER" if known else "CREATE"),
            role=sql.Identifier(name),
            may=sql.SQL("CREATEDB" if creates_databases else "NOCREATEDB"),
            hashed=sql.Literal(hashed.decode()),
        )
    )


def _own_database(connection: Connection, name: str) -> None:
    from psycopg import sql  # an extra: only who embeds PostgreSQL has it

    known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
    own = sql.Identifier(name)
    if not known:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(own, own))
    for database in (own, sql.Identifier("postgres"), sql.Identifier("template1")):
        connection.execute(
            sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(database)
        )
