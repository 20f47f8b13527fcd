"""What a server loads."""

from __future__ import annotations

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.INSTRUMENT()
application = get_wsgi_application()
