"""The pytest plugin: real servers before Django reads its settings, and nouns for tests."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from quintet.testing import environment
from quintet.testing.fixtures import (
    api,
    captured_logs,
    clean_state,
    downstream,
    enqueued,
    no_repeats,
)

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["api", "captured_logs", "clean_state", "downstream", "enqueued", "no_repeats"]

FOUND = pytest.StashKey[list[Any]]()
DATABASE_FIXTURES = {
    "db",
    "transactional_db",
    "django_db_reset_sequences",
    "django_db_serialized_rollback",
}
OTHER_DATABASE = "QUINTET_TEST_DATABASE_URL"
MARKER = "server(name): the test needs this real server: postgres or valkey"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("quintet", "real servers for tests of services")
    group.addoption(
        "--require-real",
        action="store_true",
        default=in_ci(),
        help="Fail at once when a real server is missing. On when CI is set.",
    )
    group.addoption(
        "--no-skips",
        action="store_true",
        default=in_ci(),
        help="Fail when a test was skipped. On when CI is set.",
    )
    group.addoption("--slow", action="store_true", help="Also run the tests marked slow.")
    parser.addini("quintet_servers", "Real servers to provide: postgres, valkey.", type="linelist")
    parser.addini(
        "quintet_fail_on_repeats",
        "Fail a test whose request asks one statement again and again.",
        type="bool",
        default=False,
    )
    parser.addini(
        "quintet_issuers",
        "Names whose tokens the service under test accepts.",
        type="linelist",
        default=["users"],
    )


def in_ci() -> bool:
    """Whether this is a CI machine, as all of them say."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Wrap the hook: pytest-django reads the settings in it, whatever the order of the plugins."""
    early_config.stash[FOUND] = []
    if "quintet_servers" in early_config.inicfg:
        _provide(early_config, early_config.getini("quintet_servers"))
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)
    config.addinivalue_line("markers", "slow: runs only with --slow")
    config.addinivalue_line("markers", "repeats: its requests may ask a statement again and again")


def pytest_report_header(config: pytest.Config) -> list[str]:
    rows = [str(row) for row in config.stash.get(FOUND, [])]
    return [f"{'servers' if number == 0 else '':<9} {row}" for number, row in enumerate(rows)]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = {row.name: row.remedy for row in config.stash.get(FOUND, []) if not row.url}
    for item in items:
        for name in sorted(needs(item) & missing.keys()):
            item.add_marker(pytest.mark.skip(reason=missing[name]))
    if not config.getoption("--slow"):
        chosen = [item for item in items if item.get_closest_marker("slow") is None]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen


def needs(item: pytest.Item) -> set[str]:
    """Name the real servers that ``item`` cannot do without."""
    needed = {str(mark.args[0]) for mark in item.iter_markers("server")}
    fixtures = set(getattr(item, "fixturenames", ()))
    uses_database = bool(fixtures & DATABASE_FIXTURES) or item.get_closest_marker("django_db")
    in_transaction = hasattr(getattr(item, "cls", None), "databases")
    return needed | ({"postgres"} if uses_database or in_transaction else set())


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turn a run that skipped something into a failed one, where nobody would read the skips."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter else 0
    if exitstatus == pytest.ExitCode.OK and skipped and session.config.getoption("--no-skips"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _provide(config: pytest.Config, names: list[str]) -> None:
    # Not at the top: a project that asks for no server needs neither psycopg nor the wheels.
    from quintet.testing import servers

    unknown = [name for name in names if name not in servers.KINDS]
    if unknown:
        known = ", ".join(servers.KINDS)
        raise pytest.UsageError(f"quintet_servers names {unknown[0]!r}; known are {known}.")
    database = os.environ.get(OTHER_DATABASE)
    wanted = [name for name in names if not (database and name == "postgres")]
    stack = ExitStack()
    config.add_cleanup(stack.close)
    found = [servers.resolve(name, stack) for name in wanted]
    config.stash[FOUND] = found
    missing = [row for row in found if not row.url]
    if missing and (config.known_args_namespace.require_real or in_ci()):
        raise pytest.UsageError(f"{missing[0].name} is required and missing: {missing[0].remedy}")
    part = os.environ.get("QUINTET_TEST_PART") or Path.cwd().name
    urls = {row.name: row.url for row in found if row.url}
    for name, url in urls.items():
        os.environ[servers.KINDS[name].variable] = url
    environment.fill(
        os.environ,
        urls=servers.for_settings(urls, part) | ({"DATABASE_URL": database} if database else {}),
        issuers=config.getini("quintet_issuers"),
    )
