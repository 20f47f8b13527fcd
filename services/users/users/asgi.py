"""The ASGI door: what the server loads."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from quintet.middleware.asgi import bounded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "users.settings")

application = bounded(get_asgi_application())
