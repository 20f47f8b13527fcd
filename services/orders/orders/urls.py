"""The doors of the orders service."""

from __future__ import annotations

from django.urls import include, path

from orders import views
from quintet.views.routers import Router
from quintet.views.urls import service_urls

router = Router()
router.register("orders", views.OrderViewSet, basename="order")

urlpatterns = [path("api/v1/", include(router.urls)), *service_urls]
