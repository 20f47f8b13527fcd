from __future__ import annotations

import os

import pytest

from quintet.lifecycle import profiling
from quintet.lifecycle.profiling import Busy
from tests.views.test_metrics import OUTSIDE


@pytest.fixture
def looking(monkeypatch):
    """How long was looked; nobody waits for it."""
    asked = []
    monkeypatch.setattr(profiling, "profile", lambda seconds: asked.append(seconds) or "a:b 7\n")
    return asked


@pytest.mark.parametrize(
    ("query", "seconds"), [("", 5.0), ("?seconds=0.5", 0.5), ("?seconds=30", 30.0)]
)
def test_the_stacks_come_as_text_with_the_process_that_they_are_of(client, looking, query, seconds):
    response = client.post(f"/profile{query}")

    assert response.status_code == 200
    assert response.content == b"a:b 7\n"
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["X-Process-ID"] == str(os.getpid())
    assert response["Cache-Control"] == "no-store"
    assert looking == [seconds]


@pytest.mark.parametrize("seconds", ["0", "-1", "31", "nan", "inf", "x", ""])
def test_an_impossible_time_is_refused(client, looking, seconds):
    response = client.post(f"/profile?seconds={seconds}")

    assert response.status_code == 400
    assert looking == []


def test_one_at_a_time(client, monkeypatch):
    def busy(_):
        raise Busy

    monkeypatch.setattr(profiling, "profile", busy)

    assert client.post("/profile").status_code == 409


def test_whoever_is_outside_sees_nothing(client, looking):
    response = client.post("/profile", headers=OUTSIDE)

    assert response.status_code == 401
    assert looking == []


def test_a_link_does_not_start_it(client, looking):
    assert client.get("/profile").status_code == 405
    assert looking == []


def test_a_profile_of_this_process_shows_this_view_is_not_in_it(client):
    response = client.post("/profile?seconds=0.05")

    assert response.status_code == 200
    assert b"views.profile" not in response.content
