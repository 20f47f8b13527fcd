"""What the products service needs, read from its environment."""

from __future__ import annotations

from quintet.middleware import DEFAULT
from quintet.settings import ServiceSettings, derive, integer, text


class ProductsSettings(ServiceSettings):
    """Everything that may be set in the environment of this service."""

    SERVICE_NAME: str = text(default="products", help="The name in tokens, logs and metrics.")
    RESERVATION_SECONDS: int = integer(
        default=900, minimum=60, help="How long goods stay reserved before anybody may free them."
    )


env = ProductsSettings.load()
QUINTET = env

SECRET_KEY, DEBUG, ALLOWED_HOSTS = env.SECRET_KEY, env.DEBUG, list(env.ALLOWED_HOSTS)

ROOT_URLCONF = "products.urls"
WSGI_APPLICATION = "products.wsgi.application"
ASGI_APPLICATION = "products.asgi.application"
INSTALLED_APPS = ["rest_framework", "drf_spectacular", "django_filters", "quintet", "products"]
MIDDLEWARE = list(DEFAULT)
SILENCED_SYSTEM_CHECKS = list(derive.SILENCED_CHECKS)
APPEND_SLASH = False

DATABASES = derive.databases(env)
CACHES = derive.caches(env)
TASKS = derive.tasks(env)
LOGGING = derive.logging(env)
REST_FRAMEWORK = derive.rest_framework(env)
SPECTACULAR_SETTINGS = derive.spectacular(
    env, title="Products", description="The catalogue, and a stock that never goes below zero."
)

USE_TZ = True
TIME_ZONE = "UTC"
