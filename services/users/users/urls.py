"""The doors of the users service."""

from __future__ import annotations

from django.urls import include, path

from quintet.views.routers import Router
from quintet.views.urls import service_urls
from users import views

router = Router()
router.register("users", views.UserViewSet, basename="user")

tokens = [
    path("token/", views.TokenView.as_view(), name="token"),
    path("refresh/", views.RefreshView.as_view(), name="refresh"),
    path("revoke/", views.RevokeView.as_view(), name="revoke"),
]

urlpatterns = [
    path("api/v1/auth/", include(tokens)),
    path("api/v1/", include(router.urls)),
    *service_urls,
]
