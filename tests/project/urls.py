"""The doors of the project; tests that need more put their own ``urlpatterns`` in its place."""

from __future__ import annotations

from quintet.views.urls import service_urls

urlpatterns = [*service_urls]
