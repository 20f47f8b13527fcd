"""What the users service needs, read from its environment."""

from __future__ import annotations

from quintet.middleware import DEFAULT
from quintet.settings import ServiceSettings, addresses, derive, integer, rates, text


class UsersSettings(ServiceSettings):
    """Everything that may be set in the environment of this service."""

    SERVICE_NAME: str = text(default="users", help="The name in tokens, logs and metrics.")
    VALIDATION_SERVICE_URL: str = addresses(
        default="http://validation:8000", help="Where names and addresses are judged."
    )
    ACCESS_TOKEN_SECONDS: int = integer(
        default=900, minimum=60, maximum=86_400, help="How long an access token is valid."
    )
    REFRESH_TOKEN_SECONDS: int = integer(
        default=14 * 86_400, minimum=60, help="How long a refresh token waits for its use."
    )
    SESSION_SECONDS: int = integer(
        default=90 * 86_400, minimum=60, help="How long one login lasts, however often refreshed."
    )
    LOGIN_RATE_LIMIT: str = rates(default="300/minute", help="Logins tried by one caller.")
    FAILED_LOGIN_RATE_LIMIT: str = rates(default="10/minute; 60/hour", help="Failures per account.")
    REGISTRATION_RATE_LIMIT: str = rates(default="600/minute", help="Users made by one caller.")


env = UsersSettings.load()
QUINTET = env

SECRET_KEY, DEBUG, ALLOWED_HOSTS = env.SECRET_KEY, env.DEBUG, list(env.ALLOWED_HOSTS)

ROOT_URLCONF = "users.urls"
WSGI_APPLICATION = "users.wsgi.application"
ASGI_APPLICATION = "users.asgi.application"
INSTALLED_APPS = ["rest_framework", "drf_spectacular", "django_filters", "quintet", "users"]
MIDDLEWARE = list(DEFAULT)
SILENCED_SYSTEM_CHECKS = list(derive.SILENCED_CHECKS)
APPEND_SLASH = False

DATABASES, CACHES, LOGGING = derive.databases(env), derive.caches(env), derive.logging(env)
REST_FRAMEWORK = derive.rest_framework(env)
SPECTACULAR_SETTINGS = derive.spectacular(
    env, title="Users", description="Accounts, profiles, and the tokens that prove who somebody is."
)

AUTH_USER_MODEL = "users.User"
PASSWORD_HASHERS = ["users.models.ModestArgon2"]
RULES = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{RULES}.UserAttributeSimilarityValidator"},
    {"NAME": f"{RULES}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": f"{RULES}.CommonPasswordValidator"},
    {"NAME": f"{RULES}.NumericPasswordValidator"},
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ, TIME_ZONE = True, "UTC"
