"""``quintet serve`` from outside: processes, signals, exit codes."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from quintet.server.arbiter import END_OF_WORKER
from tests.server.running import SCRIPT, Shop, attempt


def test_the_sum_over_workers_stays_right_when_workers_come_and_go(fragile):
    fragile.wait_until(lambda: len(fragile.workers()) == 2)
    before = fragile.counted()
    first = fragile.pid()
    os.kill(first, END_OF_WORKER)
    fragile.wait_until(lambda: first not in fragile.workers() and len(fragile.workers()) == 2)

    for _ in range(5):
        fragile.pid()

    assert fragile.counted() == before + 6


def test_a_killed_worker_is_replaced_and_what_it_counted_stays(fragile):
    fragile.wait_until(lambda: len(fragile.workers()) == 2)
    before = fragile.counted()
    victim = fragile.pid()

    os.kill(victim, signal.SIGKILL)
    fragile.wait_until(lambda: victim not in fragile.workers() and len(fragile.workers()) == 2)

    assert fragile.get("/worker/")[0] == 200
    assert fragile.counted() == before + 2


def test_a_dead_worker_no_longer_reports_what_only_the_living_know(fragile, tmp_path):
    fragile.wait_until(lambda: len(fragile.workers()) == 2)
    victim = fragile.pid()

    os.kill(victim, signal.SIGKILL)
    fragile.wait_until(lambda: victim not in fragile.workers() and len(fragile.workers()) == 2)

    assert list((tmp_path / "metrics").glob(f"*_{victim}.db")) == []
    assert len(list((tmp_path / "metrics").glob("counter_dead-*.db"))) == 1


def test_metrics_of_an_earlier_run_are_dropped(fragile, tmp_path):
    left = {"counter_1.db", "counter_1-a7.new", "histogram_1.exemplars"}
    assert left.isdisjoint(path.name for path in (tmp_path / "metrics").iterdir())


def test_a_request_in_flight_is_finished_before_the_end(fragile):
    answers = []
    asking = threading.Thread(target=lambda: answers.append(fragile.get("/slow/")))
    asking.start()
    fragile.wait_until(lambda: b"active_connections 1.0" in fragile.get("/metrics")[1])

    code = fragile.stop()

    asking.join()
    assert (code, answers) == (0, [(200, b'{"done": true}')])


def test_a_temporary_metrics_directory_is_removed_at_the_end(tmp_path):
    served = Shop(tmp_path / "log", TMPDIR=str(tmp_path))
    served.wait_until(served.answers)
    assert len(list(tmp_path.glob("quintet-metrics-*"))) == 1

    assert served.stop() == 0

    assert list(tmp_path.glob("quintet-metrics-*")) == []


def test_everything_it_prints_is_json_of_one_shape(shop):
    lines = [json.loads(line) for line in shop.log.read_text().splitlines()]

    assert {"gunicorn.error", "quintet.access"} <= {line["logger"] for line in lines}
    assert all(line["service"] == "shop" for line in lines)


def test_the_installed_command_finds_the_service_in_the_current_folder(tmp_path):
    served = Shop(tmp_path / "log", SCRIPT)

    served.wait_until(served.answers)

    assert served.stop() == 0


@pytest.mark.parametrize(("trusted", "scheme"), [("127.0.0.0/8", "https"), ("", "http")])
def test_only_a_trusted_proxy_says_that_the_outside_is_https(tmp_path, trusted, scheme):
    served = Shop(tmp_path / "log", TRUSTED_PROXIES=trusted)
    try:
        served.wait_until(served.answers)
        headers = {"X-Forwarded-Proto": "https"}
        assert json.loads(served.get("/worker/", **headers)[1])["scheme"] == scheme
    finally:
        served.stop()


def test_no_control_socket_is_opened(shop):
    opened = [path for path in Path.home().glob(".gunicorn/*") if path.is_socket()]

    assert opened == []
    assert "control socket" not in shop.log.read_text().lower()


def test_without_settings_it_is_misused():
    ended = attempt(DJANGO_SETTINGS_MODULE="")

    assert ended.returncode == 2
    assert "DJANGO_SETTINGS_MODULE is not set" in ended.stderr


def test_unknown_arguments_are_misuse():
    assert attempt("--workers", "2").returncode == 2


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"PORT": "eighty", "WEB_WORKERS": "-1"}, ["PORT", "WEB_WORKERS"]),
        ({"DJANGO_SETTINGS_MODULE": "shop.nothing"}, ["no module 'shop.nothing' here"]),
        ({"DJANGO_SETTINGS_MODULE": "nowhere.settings"}, ["no module 'nowhere' here"]),
        ({"SHOP_APPLICATION": "shop.wsgi.missing"}, ["shop.wsgi.missing", "WSGI_APPLICATION"]),
        ({"METRICS_DIR": "/proc/nowhere"}, ["METRICS_DIR", "/proc/nowhere"]),
        ({"SHOP_URLS": "shop.broken"}, ["system checks found errors", "quintet.E001"]),
    ],
)
def test_what_cannot_be_served_is_said_in_words(changed, words):
    ended = attempt(**changed)

    assert ended.returncode == 1
    assert [word for word in words if word not in ended.stderr] == []
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_a_mistake_inside_the_settings_keeps_its_traceback():
    ended = attempt(DJANGO_SETTINGS_MODULE="shop.mistaken")

    assert ended.returncode == 1
    assert "No module named 'a_library_that_is_missing'" in ended.stderr
    assert "Traceback" in ended.stderr


def test_findings_that_are_no_errors_are_logged_and_it_starts(tmp_path):
    served = Shop(tmp_path / "log", SHOP_URLS="shop.doubtful")
    try:
        served.wait_until(served.answers)
        lines = [json.loads(line) for line in served.log.read_text().splitlines()]
    finally:
        served.stop()

    (found,) = [line for line in lines if line.get("check") == "urls.W003"]
    assert found["level"] == "WARNING"


def test_a_taken_port_ends_it_with_one(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = attempt(PORT=str(taken.getsockname()[1]))

    assert ended.returncode == 1
    assert "in use" in ended.stdout
