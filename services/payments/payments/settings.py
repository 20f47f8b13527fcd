"""What the payments service needs, read from its environment."""

from __future__ import annotations

from quintet.middleware import DEFAULT
from quintet.settings import ServiceSettings, derive, number, text


class PaymentsSettings(ServiceSettings):
    """Everything that may be set in the environment of this service."""

    SERVICE_NAME: str = text(default="payments", help="The name in tokens, logs and metrics.")
    PROVIDER_TIMEOUT_SECONDS: float = number(
        default=2.0,
        minimum=0.01,
        maximum=60,
        help="How long to wait for the provider; less than CLIENT_TIMEOUT_SECONDS of the callers.",
    )
    SIMULATOR_SLOW_SECONDS: float = number(
        default=0.5, minimum=0, maximum=60, help="How long the simulator thinks about card-slow."
    )


env = PaymentsSettings.load()
QUINTET = env

SECRET_KEY, DEBUG, ALLOWED_HOSTS = env.SECRET_KEY, env.DEBUG, list(env.ALLOWED_HOSTS)

ROOT_URLCONF = "payments.urls"
WSGI_APPLICATION = "payments.wsgi.application"
ASGI_APPLICATION = "payments.asgi.application"
INSTALLED_APPS = [
    *("rest_framework", "drf_spectacular", "django_filters"),
    *("quintet", "quintet.events", "payments"),
]
MIDDLEWARE = list(DEFAULT)
SILENCED_SYSTEM_CHECKS = list(derive.SILENCED_CHECKS)
APPEND_SLASH = False

DATABASES = derive.databases(env)
CACHES = derive.caches(env)
TASKS = derive.tasks(env)
LOGGING = derive.logging(env)
REST_FRAMEWORK = derive.rest_framework(env)
SPECTACULAR_SETTINGS = derive.spectacular(
    env, title="Payments", description="Holds, takes and returns money, each of it once."
)

USE_TZ = True
TIME_ZONE = "UTC"
