"""What the service needs; it has no address, and no door but those of every service."""

from __future__ import annotations

from quintet.middleware import DEFAULT
from quintet.settings import ServiceSettings, derive, text


class ToldSettings(ServiceSettings):
    SERVICE_NAME: str = text(default="told")


env = ToldSettings.load()
QUINTET = env

SECRET_KEY, DEBUG, ALLOWED_HOSTS = env.SECRET_KEY, env.DEBUG, list(env.ALLOWED_HOSTS)
ROOT_URLCONF = "told.urls"
INSTALLED_APPS = ["rest_framework", "drf_spectacular", "quintet", "quintet.events", "told"]
MIDDLEWARE = list(DEFAULT)
APPEND_SLASH = False
DATABASES, CACHES, LOGGING = derive.databases(env), derive.caches(env), derive.logging(env)
REST_FRAMEWORK = derive.rest_framework(env)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ, TIME_ZONE = True, "UTC"
