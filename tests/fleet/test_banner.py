from __future__ import annotations

import click
import pytest

from quintet.fleet import banner


@pytest.fixture
def status():
    unit = {"kind": "service", "reason": "", "pid": 7, "port": 9, "restarts": 0}
    return {
        "gateway": "http://127.0.0.1:8000",
        "example": "http://127.0.0.1:8000/api/v1/products/",
        "logs": "/x/logs",
        "notes": ["port 8000 is taken"],
        "origins": {"users database": "embedded", "cache": "CACHE_URL", "broker": "none"},
        "units": [
            unit | {"name": "users", "state": "ready"},
            unit | {"name": "orders", "state": "crashed", "reason": "exit code 1", "pid": None},
        ],
    }


def shown(status, **kwargs):
    return click.unstyle(banner.text(status, **kwargs))


def test_the_banner_has_what_a_stranger_needs(status):
    said = shown(status, detached=False)

    assert "http://127.0.0.1:8000/docs/" in said
    assert "curl -s http://127.0.0.1:8000/api/v1/products/" in said
    assert "Ctrl-C" in said


def test_a_detached_system_is_stopped_by_a_command(status):
    assert "./quintet down" in shown(status, detached=True)


def test_the_banner_says_where_each_url_came_from(status):
    said = shown(status, detached=False)

    assert "embedded: users database; CACHE_URL: cache" in said
    assert "none" not in said


def test_what_differs_from_the_description_is_said_first(status):
    assert shown(status, detached=True).split()[:5] == ["Note", "port", "8000", "is", "taken"]


def test_what_is_not_ready_is_marked_with_its_reason(status):
    assert "✓ users  ✗ orders (exit code 1)" in shown(status, detached=False)


def test_the_table_is_aligned_and_shows_a_missing_process(status):
    head, users, orders = banner.table(status).splitlines()

    assert head.index("STATE") == users.index("ready") == orders.index("crashed")
    assert orders.split() == ["orders", "crashed", "-", "9", "0", "exit", "code", "1"]


def test_the_timings_add_up():
    said = banner.timings({"servers": 1.5, "services": 2.0}, 400 * 1024 * 1024)

    assert said.splitlines()[-2].split() == ["total", "3.5", "s"]
    assert said.splitlines()[-1].split() == ["memory", "400", "MiB"]
