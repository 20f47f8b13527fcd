"""A Valkey of our own, which tests may freeze."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from django.core.cache import CacheHandler

from quintet.embedded.valkey import Valkey
from quintet.settings import ServiceSettings, derive

BASIS = {"SERVICE_NAME": "shop", "SECRET_KEY": "a key for tests", "SERVICE_ENVIRONMENT": "test"}


def cached(url: str, **environ: str):
    """The cache of a service, as its settings make it."""
    env = ServiceSettings.load(BASIS | {"CACHE_URL": url} | environ)
    return CacheHandler(derive.caches(env))["default"]


@pytest.fixture(scope="session")
def valkey():
    folder = Path(tempfile.mkdtemp(prefix="quintet-test-"))
    server = Valkey(folder / "valkey", durable=False)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
