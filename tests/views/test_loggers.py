from __future__ import annotations

import logging

import pytest

from quintet.telemetry import turning
from quintet.telemetry.turning import MOST_CHANGES, Levels
from tests.views.test_metrics import OUTSIDE

shop = logging.getLogger("shop.door")


@pytest.fixture(autouse=True)
def levels(monkeypatch):
    """Levels of a process that is alone, and back after the test."""
    shop.setLevel(logging.WARNING)
    monkeypatch.setattr(turning._Current, "levels", made := Levels(None))
    yield made
    for name in made.changes():
        made.restore(name)


def post(client, wish, **headers):
    return client.post("/loggers", wish, content_type="application/json", headers=headers)


def test_whoever_is_inside_sees_all_loggers_and_groups(client):
    answer = client.get("/loggers").json()

    assert answer["loggers"]["shop.door"] == {"level": "WARNING", "effective_level": "WARNING"}
    assert answer["loggers"]["root"]["level"] == "INFO"
    assert answer["loggers"]["quintet.clients"]["level"] is None
    assert set(answer["groups"]) == {"clients", "sql", "web"}
    assert "DEBUG" in answer["levels"]
    assert answer["changed"] == {}


def test_a_level_is_turned_for_ten_minutes_unless_said_otherwise(client, captured_logs):
    response = post(client, {"name": "shop.door", "level": "DEBUG"})

    changed = response.json()["changed"]["shop.door"]
    assert changed["level"] == "DEBUG"
    assert 590 < changed["seconds_left"] <= 600
    assert shop.level == logging.DEBUG
    audit = next(line for line in captured_logs if line["message"] == "log level changed")
    assert (audit["changed"], audit["to"], audit["seconds"]) == ("shop.door", "DEBUG", 600.0)
    assert (audit["by"], audit["level"]) == ("127.0.0.1", "WARNING")


def test_no_level_lets_it_go_back(client):
    post(client, {"name": "shop.door", "level": "DEBUG", "seconds": 5})

    response = post(client, {"name": "shop.door", "level": None})

    assert response.json()["changed"] == {}
    assert shop.level == logging.WARNING


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"name": "shop.door"},
        {"level": "DEBUG"},
        {"name": "shop.door", "level": "CHATTY"},
        {"name": "shop.door", "level": "DEBUG", "seconds": 0},
        {"name": "shop.door", "level": "DEBUG", "seconds": 3_601},
        {"name": "shop.door", "level": "DEBUG", "forever": True},
        {"name": "x" * 201, "level": "DEBUG"},
        ["shop.door"],
    ],
)
def test_a_wish_that_cannot_be_understood_is_refused(client, wish):
    response = post(client, wish)

    assert response.status_code == 400
    assert shop.level == logging.WARNING


def test_a_logger_that_is_not_there_is_not_found(client):
    assert post(client, {"name": "shpo", "level": "DEBUG"}).status_code == 404


def test_too_many_changes_are_a_conflict(client, levels):
    for number in range(MOST_CHANGES):
        logging.getLogger(f"shop_door_{number}")
        levels.change(f"shop_door_{number}", "DEBUG")

    assert post(client, {"name": "shop.door", "level": "DEBUG"}).status_code == 409


def test_a_page_of_another_site_cannot_turn_anything(client):
    response = client.post(
        "/loggers", '{"name": "shop.door", "level": "DEBUG"}', content_type="text/plain"
    )

    assert response.status_code == 415
    assert shop.level == logging.WARNING


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
@pytest.mark.parametrize("method", ["get", "post"])
def test_whoever_is_outside_may_neither_look_nor_turn(client, method, headers):
    response = getattr(client, method)("/loggers", headers=OUTSIDE | headers)

    assert response.status_code == 401
    assert "loggers" not in response.json()


def test_the_holder_of_the_health_token_may(client, declare):
    declare(HEALTH_TOKEN="watchman")
    token = {"Authorization": "Bearer watchman"}

    response = post(client, {"name": "shop.door", "level": "DEBUG"}, **OUTSIDE, **token)

    assert response.status_code == 200


def test_other_methods_are_not_offered(client):
    assert client.delete("/loggers").status_code == 405
