from __future__ import annotations

from django.core.wsgi import get_wsgi_application

from quintet.middleware.wsgi import bounded

application = bounded(get_wsgi_application())
