"""A service small enough to see what the server around it does."""

from __future__ import annotations

import os
import sys

from quintet.middleware import DEFAULT
from quintet.settings import ServiceSettings, derive, text

# What a test wants to be not installed.
for missing in os.environ.get("SHOP_WITHOUT", "").split():
    sys.modules[missing] = None


class ShopSettings(ServiceSettings):
    SERVICE_NAME: str = text(default="shop")


env = ShopSettings.load()
QUINTET = env

SECRET_KEY, DEBUG, ALLOWED_HOSTS = env.SECRET_KEY, env.DEBUG, list(env.ALLOWED_HOSTS)
ROOT_URLCONF = os.environ.get("SHOP_URLS", "shop.urls")
WSGI_APPLICATION = os.environ.get("SHOP_APPLICATION", "shop.wsgi.application")
INSTALLED_APPS = ["rest_framework", "quintet"]
MIDDLEWARE = list(DEFAULT)
DATABASES, LOGGING = derive.databases(env), derive.logging(env)
REST_FRAMEWORK = derive.rest_framework(env)
APPEND_SLASH = False
USE_TZ = True
