"""The doors of the validation service."""

from __future__ import annotations

from django.urls import include, path

from quintet.views.urls import service_urls
from validation import views

api = [path("validate/", views.ValidateView.as_view(), name="validate")]

urlpatterns = [path("api/v1/", include(api)), *service_urls]
