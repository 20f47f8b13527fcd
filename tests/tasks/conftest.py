from __future__ import annotations

import pytest
import redis

from quintet.tasks.celery import application
from quintet.tasks.store import store
from tests.project.settings import ProjectSettings
from tests.tasks.service import BASIS, Service


@pytest.fixture
def service(empty_valkey, tmp_path, monkeypatch, settings):
    """A service with tasks: this process enqueues, others run."""
    variables = {
        **BASIS,
        "BROKER_URL": empty_valkey("tasks"),
        "TOLD_URL": empty_valkey("told"),
    }
    made = Service(variables, tmp_path / "log")
    with made, redis.Redis.from_url(variables["TOLD_URL"], decode_responses=True) as made.told:
        made.bind(settings, monkeypatch)
        yield made
    forget()


def forget():
    """Let the next test make its own connections."""
    application().close()
    application.cache_clear()
    store().close()
    store.cache_clear()


@pytest.fixture
def declare(settings):
    """Declares the settings of the service for a test."""

    def declared(**environ):
        settings.QUINTET = ProjectSettings.load(environ={**BASIS, **environ})

    return declared
