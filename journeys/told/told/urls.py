from __future__ import annotations

from quintet.views.urls import service_urls

urlpatterns = [*service_urls]
