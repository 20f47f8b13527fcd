"""One route, with a number in it as most routes have."""

from __future__ import annotations

from django.conf import settings
from django.urls import path

from stacks import views

urlpatterns = [path("api/v1/things/<int:number>/", getattr(views, settings.BENCH_VIEW))]
