from __future__ import annotations

import json

import click

from quintet.fleet import render

LINE = {
    "timestamp": "2026-01-02T03:04:05.678901Z",
    "level": "info",
    "logger": "orders",
    "message": "order placed",
    "service": "orders",
    "correlation_id": "abc",
    "order_id": 7,
    "note": "two words",
}


def plain(text):
    return click.unstyle(text)


def test_a_json_line_becomes_time_level_message_and_fields():
    said = render.short(json.dumps(LINE))

    assert said == '03:04:05.678 INFO    order placed order_id=7 note="two words"'


def test_an_error_is_coloured():
    said = render.short(json.dumps(LINE | {"level": "error"}))

    assert said != plain(said)
    assert "ERROR" in plain(said)


def test_a_traceback_keeps_its_rows():
    said = render.short(json.dumps(LINE | {"exception": "Traceback\nValueError: x"}))

    assert said.splitlines()[1:] == ["  Traceback", "  ValueError: x"]


def test_what_is_no_json_stays_as_it_is():
    assert [render.short(line) for line in ("plain", "{half", "[1]", "")] == [
        "plain",
        "{half",
        "[1]",
        "",
    ]


def test_every_row_has_the_name_of_its_process():
    said = render.prefixed("orders", "{}\n", width=8, colour="red")
    rows = plain(
        render.prefixed("orders", json.dumps(LINE | {"exception": "a\nb"}), width=8, colour="red")
    )

    assert plain(said).startswith("orders   │")
    assert all(row.startswith("orders   │ ") for row in rows.splitlines())


def test_the_access_log_of_the_gateway_reads_like_the_others():
    request = {"method": "GET", "uri": "/x"}
    line = {"logger": "http.log.access", "request": request, "status": 404, "duration": 0.0012}

    assert render.short(json.dumps(line)) == "INFO    GET /x 404 duration_ms=1.2"


def test_a_name_keeps_its_colour():
    names = ("a", "b")

    assert render.colour_of("a", names) == render.colour_of("a", names)
    assert render.colour_of("a", names) != render.colour_of("b", names)
    assert render.colour_of("stranger", names) == "white"


def test_a_line_cannot_steer_the_terminal():
    said = render.short(json.dumps(LINE | {"note": "a\x1b[2Jb\rc"}))

    assert "\x1b" not in said
    assert "\r" not in said


def test_a_line_without_structure_keeps_its_colours_only():
    said = render.short("\x1b[31mred\x1b[0m \x1b]0;title\x07")

    assert said == "\x1b[31mred\x1b[0m \\x1b]0;title\\x07"
