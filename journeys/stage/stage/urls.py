"""One address per error."""

from __future__ import annotations

from django.urls import path

from quintet.views.urls import service_urls
from stage.views import ErrorView

urlpatterns = [path("api/v1/errors/<str:code>/", ErrorView.as_view(), name="error"), *service_urls]
