"""What every error has to look like, in both of its shapes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway import PROBLEM

if TYPE_CHECKING:
    from gateway import Answer

KEYS = {"code", "message", "details", "correlation_id", "service", "timestamp"}
PROBLEM_KEYS = {"type", "title", "status", "detail", "code", "correlation_id", "service"}
INSIDE = ("Traceback", 'File "', "SELECT ", "psycopg", "django", "127.0.0.1", ".py")


def assert_envelope(answer: Answer, status: int, code: str, service: str = "") -> None:
    """The envelope, the whole envelope and nothing but the envelope."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"].startswith("application/json")
    assert set(answer.json) == {"error"}
    assert set(answer.error) == KEYS
    assert answer.error["code"] == code
    assert answer.error["message"]
    assert answer.error["correlation_id"] == answer.correlation_id
    assert answer.error["service"] == service or not service
    stamp = datetime.fromisoformat(answer.error["timestamp"])
    assert stamp.utcoffset() == timedelta(0)
    assert_nothing_inside(answer)


def assert_problem(answer: Answer, status: int, code: str, service: str = "") -> None:
    """The same error in the words of RFC 9457."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"].startswith(PROBLEM)
    assert set(answer.json) >= PROBLEM_KEYS
    assert (answer.json["status"], answer.json["code"]) == (status, code)
    assert answer.json["correlation_id"] == answer.correlation_id
    assert answer.json["service"] == service or not service
    assert_nothing_inside(answer)


def assert_nothing_inside(answer: Answer) -> None:
    """No word about how it is made."""
    text = answer.body.decode()
    assert [word for word in INSIDE if word in text] == []


SHAPES = {"envelope": ("application/json", assert_envelope), "problem": (PROBLEM, assert_problem)}
