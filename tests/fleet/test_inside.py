from __future__ import annotations

import json
import os
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import click
import pytest
from click.testing import CliRunner

from quintet.cli import commands
from quintet.fleet import inside
from quintet.lifecycle import profiling
from quintet.telemetry import turning


class Service:
    """A service that remembers what it was asked, and answers what the test says."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict, str]] = []
        self.status, self.answer = 200, json.dumps({"changed": {}})
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.asked.append((self.path, json.loads(body), self.headers["Authorization"]))
                self.send_response(service.status)
                self.end_headers()
                self.wfile.write(service.answer.encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,)).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def service():
    made = Service()
    yield made
    made.end()


@pytest.fixture
def units(service, monkeypatch):
    """What runs: orders twice with its worker, and users, which does not."""

    def unit(name, kind="service", **facts):
        return {"name": name, "kind": kind, "pid": 1, "port": service.port, **facts}

    made = [
        unit("postgres", kind="server"),
        unit("orders"),
        unit("orders-2"),
        unit("orders-worker", kind="worker", port=None),
        unit("users", pid=None),
    ]

    def ask(_places, request):
        if request["command"] == "status":
            return {"units": made}
        return {"HEALTH_TOKEN": f"token of {request['service']}"}

    monkeypatch.setattr(inside, "ask", ask)
    monkeypatch.setattr(inside.Places, "here", lambda: None)
    return made


def run(*words, expect=0):
    ended = CliRunner().invoke(commands, list(words))
    assert ended.exit_code == expect, ended.output
    return ended.output


def test_a_level_is_changed_in_every_process_of_a_service(units, service):
    said = run("log-level", "orders", "debug", "--for", "90s", "--logger", "sql")

    wish = {"name": "sql", "level": "DEBUG", "seconds": 90}
    assert service.asked == [
        ("/loggers", wish, "Bearer token of orders"),
        ("/loggers", wish, "Bearer token of orders-2"),
    ]
    assert said == "orders: sql is DEBUG for 90 s\norders-2: sql is DEBUG for 90 s\n"


def test_a_level_goes_back_when_somebody_says_so(units, service):
    said = run("log-level", "orders-2", "BACK")

    ((_, wish, _),) = service.asked
    assert wish == {"name": "root", "level": None, "seconds": 600}
    assert said == "orders-2: root is back\n"


def test_what_is_changed_is_data_on_demand(units, service):
    service.answer = json.dumps({"changed": {"root": {"level": "DEBUG", "seconds_left": 9}}})

    said = run("log-level", "orders-2", "DEBUG", "--json")

    assert json.loads(said) == {"orders-2": {"root": {"level": "DEBUG", "seconds_left": 9}}}


@pytest.mark.parametrize(
    ("written", "seconds"), [("90", 90), ("90s", 90), (" 10m ", 600), ("1h", 3600)]
)
def test_a_duration_is_written_as_people_write_it(written, seconds):
    assert inside.seconds_of(written) == seconds


@pytest.mark.parametrize("written", ["", "0", "0m", "-1", "1d", "x", "1.5h", "123456"])
def test_any_other_duration_is_a_misuse(written):
    with pytest.raises(click.BadParameter):
        inside.seconds_of(written)


def test_a_profile_is_printed(units, service):
    service.answer = "a:b 7\n"

    said = run("profile", "orders", "--seconds", "0.5")

    assert [path for path, _, _ in service.asked] == ["/profile?seconds=0.5"]
    assert said == "a:b 7\n"


def test_a_profile_goes_into_a_file(units, service, tmp_path):
    service.answer = "a:b 7\nc 1\n"

    said = run("profile", "orders", "-o", str(tmp_path / "stacks.txt"))

    assert (tmp_path / "stacks.txt").read_text() == service.answer
    assert said.startswith("2 stacks of orders in ")


def spy(folder, words):
    """Put a py-spy of our own on PATH."""
    program = folder / "py-spy"
    program.write_text(f"#!/bin/sh\n{words}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_py_spy_looks_where_it_is_installed(units, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", spy(tmp_path, 'echo "$@"')["PATH"])

    said = run("profile", "orders", "--py-spy", "--seconds", "2")

    assert said.startswith("record --pid 1 --subprocesses --format raw --duration 2")


def test_py_spy_that_fails_says_why(units, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", spy(tmp_path, "echo not allowed >&2; exit 1")["PATH"])

    assert "not allowed" in run("profile", "orders", "--py-spy", expect=1)


def test_py_spy_that_is_not_installed_is_an_error_with_a_remedy(units, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "pip install py-spy" in run("profile", "orders", "--py-spy", expect=1)


@pytest.mark.parametrize(
    ("name", "words"), [("users", "users does not run"), ("nobody", "there is no service 'nobody'")]
)
def test_a_service_that_cannot_be_asked_is_an_error(units, name, words):
    assert words in run("profile", name, expect=1)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (json.dumps({"error": {"message": "There is no logger."}}), "There is no logger."),
        ("<html>", "status 404"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_service(units, service, answer, words):
    service.status, service.answer = 404, answer

    assert words in run("log-level", "orders", "DEBUG", expect=1)


def test_a_service_that_does_not_answer_is_an_error(units, service):
    service.end()
    service.end = lambda: None

    assert "does not answer" in run("log-level", "orders", "DEBUG", expect=1)


def test_the_command_and_the_door_have_the_same_limits():
    assert inside.LEVELS[:-1] == turning.LEVELS
    assert inside.MOST_PROFILE_SECONDS == profiling.MOST_SECONDS
