"""One route, with a number in it as most routes have."""

from __future__ import annotations

from django.conf import settings
from django.urls import path
from django.utils.module_loading import import_string

urlpatterns = [path("api/v1/things/<int:number>/", import_string(settings.BENCH_VIEW))]
