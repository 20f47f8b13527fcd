"""What the validation service needs, read from its environment. It has no database and no cache."""

from __future__ import annotations

from quintet.middleware import DEFAULT
from quintet.settings import ServiceSettings, derive, text


class ValidationSettings(ServiceSettings):
    """Everything that may be set in the environment of this service."""

    SERVICE_NAME: str = text(default="validation", help="The name in tokens, logs and metrics.")


env = ValidationSettings.load()
QUINTET = env

SECRET_KEY, DEBUG, ALLOWED_HOSTS = env.SECRET_KEY, env.DEBUG, list(env.ALLOWED_HOSTS)

ROOT_URLCONF = "validation.urls"
WSGI_APPLICATION = "validation.wsgi.application"
ASGI_APPLICATION = "validation.asgi.application"
INSTALLED_APPS = ["rest_framework", "drf_spectacular", "django_filters", "quintet", "validation"]
MIDDLEWARE = list(DEFAULT)
SILENCED_SYSTEM_CHECKS = list(derive.SILENCED_CHECKS)
APPEND_SLASH = False

DATABASES = derive.databases(env)
CACHES = derive.caches(env)
LOGGING = derive.logging(env)
REST_FRAMEWORK = derive.rest_framework(env)
SPECTACULAR_SETTINGS = derive.spectacular(
    env,
    title="Validation",
    description="Judges names and e-mail addresses: a score, a verdict and the reasons.",
)

USE_TZ = True
TIME_ZONE = "UTC"
