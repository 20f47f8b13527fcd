"""The service that tests of the chassis run in: it uses the chassis as any service does."""

from __future__ import annotations

import os

from quintet.middleware import DEFAULT
from quintet.settings import ServiceSettings, boolean, derive, text, url

os.environ.setdefault("SECRET_KEY", "a key for tests, and for nothing else")
os.environ.setdefault("SERVICE_ENVIRONMENT", "test")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")


class ProjectSettings(ServiceSettings):
    """A service that calls two others, one of which asks back."""

    SERVICE_NAME: str = text(default="project")
    ENABLE_ASYNC_PROCESSING: bool = boolean(default=False)
    DATABASE_URL: str = url(
        schemes=("postgres", "postgresql", "sqlite"), default="sqlite://:memory:"
    )
    USERS_SERVICE_URL: str = url(schemes=("http", "https"), default="http://users.invalid")
    PRODUCTS_SERVICE_URL: str = url(schemes=("http", "https"), default="http://products.invalid")


env = ProjectSettings.load()
QUINTET = env

SECRET_KEY, DEBUG, ALLOWED_HOSTS = env.SECRET_KEY, env.DEBUG, list(env.ALLOWED_HOSTS)

ROOT_URLCONF = "tests.project.urls"
INSTALLED_APPS = [
    "rest_framework",
    "drf_spectacular",
    "django_filters",
    "quintet",
    "quintet.events",
    "quintet.views.idempotency",
    "tests.project",
]
MIDDLEWARE = list(DEFAULT)
APPEND_SLASH = False

DATABASES, CACHES, LOGGING = derive.databases(env), derive.caches(env), derive.logging(env)
TASKS = derive.tasks(env)
REST_FRAMEWORK = derive.rest_framework(env)
SPECTACULAR_SETTINGS = derive.spectacular(env, title="Project", description="A service for tests.")

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ, TIME_ZONE = True, "UTC"
