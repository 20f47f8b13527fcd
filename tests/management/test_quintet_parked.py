from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from quintet.settings import derive
from quintet.tasks.calls import Call
from quintet.tasks.store import store
from tests.project.settings import ProjectSettings

CALL = Call(id="7", task="project.tasks.do", args=["x"], kwargs={}, attempt=8)


@pytest.fixture
def parked(settings, empty_valkey):
    """A service with two tasks that were given up."""
    basis = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY": "k", "BROKER_URL": empty_valkey("parked")}
    settings.QUINTET = ProjectSettings.load(environ=basis)
    settings.TASKS = derive.tasks(settings.QUINTET)
    kept = store()
    kept.park(CALL, reason="ValueError")
    kept.park(Call(id="8", task="project.tasks.other", args=[], kwargs={}), reason="KeyError")
    yield kept
    kept.close()
    store.cache_clear()


def said(*arguments):
    out = StringIO()
    call_command("quintet_parked", *arguments, stdout=out)
    return out.getvalue()


def test_what_is_parked_is_listed_without_its_arguments(parked):
    lines = said("list").splitlines()

    assert [line.split()[0] for line in lines] == ["7", "8", "2"]
    assert "project.tasks.do  8 attempts  ValueError" in lines[0]


def test_one_is_shown_as_a_whole(parked):
    shown = json.loads(said("show", "7"))

    assert (shown["args"], shown["reason"]) == (["x"], "ValueError")


def test_one_that_is_tried_again_begins_anew_and_is_not_parked_any_more(parked):
    said("retry", "7")

    (due,) = parked.due()
    written = json.loads(due.written)
    assert (written["id"], written["attempt"]) == ("7", 1)
    assert [one.call.id for one in parked.parked()] == ["8"]


def test_all_can_be_dropped(parked):
    said("drop", "--all")

    assert list(parked.parked()) == []
    assert parked.due() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("retry",), "or say --all"), (("drop", "7", "--all"), "or say --all"), (("show", "9"), "9")],
)
def test_what_is_meant_has_to_be_said(parked, arguments, words):
    with pytest.raises(CommandError, match=words):
        said(*arguments)


def test_without_a_queue_nothing_can_be_parked(settings):
    basis = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY": "k"}
    settings.QUINTET = ProjectSettings.load(environ=basis)

    with pytest.raises(CommandError, match="BROKER_URL"):
        said("list")
