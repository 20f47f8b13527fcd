"""The environment of a service with a database."""

from __future__ import annotations

import os

from quintet.settings import ServiceSettings

BASIS = {
    "SERVICE_NAME": "keeper",
    "SERVICE_ENVIRONMENT": "test",
    "SECRET_KEY": "a key for tests, and for nothing else",
}


def environment(**variables):
    path = {"PATH": os.environ["PATH"]}
    return ServiceSettings.load(environ=path | BASIS | variables)
