from __future__ import annotations

import pytest

from tests.checks.findings import KEY
from tests.project.settings import ProjectSettings


@pytest.fixture
def declare(settings):
    def change(**environ):
        declared = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY": KEY, **environ}
        settings.QUINTET = ProjectSettings.load(environ=declared)

    return change


@pytest.fixture
def production(declare, settings):
    declare(SERVICE_ENVIRONMENT="production", ALLOWED_HOSTS="shop.example")
    settings.ALLOWED_HOSTS, settings.SECRET_KEY = ["shop.example"], KEY
