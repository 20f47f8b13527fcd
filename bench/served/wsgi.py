"""What the servers load."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from quintet.middleware.wsgi import bounded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "served.settings")

application = bounded(get_wsgi_application())
