from __future__ import annotations

import pytest

from quintet.tasks import schedule
from quintet.tasks.celery import QueueUnavailable
from quintet.tasks.schedule import Schedule


@pytest.fixture
def rhythm(monkeypatch):
    """One task with a rhythm, and a clock that stands."""

    class Daily:
        task, seconds = "do", 86_400

    monkeypatch.setattr(schedule, "rhythms", lambda: {"do": Daily})


def test_what_could_not_be_begun_is_begun_later_in_its_span(rhythm):
    """The naive version has taken the span, and the task does not run that day."""
    begun, fails = [], [QueueUnavailable("no"), QueueUnavailable("no")]

    def begin(task, seconds):
        if fails:
            raise fails.pop()
        begun.append(task)

    made = Schedule(begin, takes=lambda *_: True)
    for _ in range(2):
        with pytest.raises(QueueUnavailable):
            made.look()
    for _ in range(3):
        made.look()

    assert begun == ["do"]


def test_what_somebody_else_has_begun_is_not_asked_about_again(rhythm):
    asked = []
    made = Schedule(pytest.fail, takes=lambda *span: asked.append(span))

    for _ in range(3):
        made.look()

    assert len(asked) == 1
