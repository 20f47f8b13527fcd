"""A service with the chassis and nothing else."""

from __future__ import annotations

from quintet.middleware import DEFAULT
from quintet.settings import ServiceSettings, addresses, derive, text


class StageSettings(ServiceSettings):
    SERVICE_NAME: str = text(default="stage", help="The name in tokens, logs and metrics.")
    NEXT_SERVICE_URL: str = addresses(default="", help="Whom requests are relayed to.")


env = StageSettings.load()
QUINTET = env

SECRET_KEY, DEBUG, ALLOWED_HOSTS = env.SECRET_KEY, env.DEBUG, list(env.ALLOWED_HOSTS)

ROOT_URLCONF = "stage.urls"
WSGI_APPLICATION = "stage.wsgi.application"
INSTALLED_APPS = ["rest_framework", "drf_spectacular", "django_filters", "quintet", "stage"]
MIDDLEWARE = list(DEFAULT)
APPEND_SLASH = False

DATABASES = derive.databases(env)
CACHES = derive.caches(env)
LOGGING = derive.logging(env)
REST_FRAMEWORK = derive.rest_framework(env)
SPECTACULAR_SETTINGS = derive.spectacular(env, title="Stage", description="Fails on demand.")

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
