"""A service with the chassis and one table."""

from __future__ import annotations

from quintet.middleware import DEFAULT
from quintet.settings import ServiceSettings, derive

env = QUINTET = ServiceSettings.load()

SECRET_KEY, ALLOWED_HOSTS = env.SECRET_KEY, list(env.ALLOWED_HOSTS)
ROOT_URLCONF = "served.urls"
WSGI_APPLICATION = "served.wsgi.application"
INSTALLED_APPS = ["rest_framework", "quintet", "served"]
MIDDLEWARE = list(DEFAULT)
APPEND_SLASH = False
DATABASES, LOGGING = derive.databases(env), derive.logging(env)
REST_FRAMEWORK = derive.rest_framework(env)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
