from __future__ import annotations

import pytest

from quintet import health
from tests.project.settings import ProjectSettings


@pytest.fixture
def declare(settings):
    """Gives the project other settings."""

    def change(**environ):
        declared = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY": "k", **environ}
        settings.QUINTET = ProjectSettings.load(environ=declared)

    return change


@pytest.fixture(autouse=True)
def fresh_health():
    health.reset()
    yield
    health.reset()
