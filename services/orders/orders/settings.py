"""What the orders service needs, read from its environment."""

from __future__ import annotations

from quintet.middleware import DEFAULT
from quintet.settings import ServiceSettings, addresses, derive, integer, text


class OrdersSettings(ServiceSettings):
    """Everything that may be set in the environment of this service."""

    SERVICE_NAME: str = text(default="orders", help="The name in tokens, logs and metrics.")
    USERS_SERVICE_URL: str = addresses(default="http://users:8000", help="Who knows the users.")
    PRODUCTS_SERVICE_URL: str = addresses(
        default="http://products:8000", help="Who keeps the stock."
    )
    PAYMENTS_SERVICE_URL: str = addresses(
        default="http://payments:8000", help="Who takes the money."
    )
    RESUME_AFTER_SECONDS: int = integer(
        default=120, minimum=1, help="From which age on resume_orders takes over an order."
    )


env = OrdersSettings.load()
QUINTET = env

SECRET_KEY, DEBUG, ALLOWED_HOSTS = env.SECRET_KEY, env.DEBUG, list(env.ALLOWED_HOSTS)

ROOT_URLCONF = "orders.urls"
WSGI_APPLICATION = "orders.wsgi.application"
ASGI_APPLICATION = "orders.asgi.application"
INSTALLED_APPS = [
    *("rest_framework", "drf_spectacular", "django_filters"),
    *("quintet", "quintet.events", "quintet.views.idempotency", "orders"),
]
MIDDLEWARE = list(DEFAULT)
SILENCED_SYSTEM_CHECKS = list(derive.SILENCED_CHECKS)
APPEND_SLASH = False

DATABASES = derive.databases(env)
CACHES = derive.caches(env)
LOGGING = derive.logging(env)
REST_FRAMEWORK = derive.rest_framework(env)
SPECTACULAR_SETTINGS = derive.spectacular(
    env, title="Orders", description="Places orders, shows them to their owners and cancels them."
)

USE_TZ = True
TIME_ZONE = "UTC"
