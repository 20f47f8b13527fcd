"""The doors of the products service."""

from __future__ import annotations

from django.urls import include, path, register_converter
from django.urls.converters import StringConverter

from products import views
from products.models import REFERENCE
from quintet.views.routers import Router
from quintet.views.urls import service_urls


class ReferenceConverter(StringConverter):
    """What another service may call something; anything else is no route."""

    regex = REFERENCE


register_converter(ReferenceConverter, "reference")

public = Router()
public.register("products", views.ProductViewSet, basename="product")

internal = Router()
internal.register("reservations", views.ReservationViewSet, basename="reservation")

urlpatterns = [
    path("api/v1/", include(public.urls)),
    path("internal/v1/", include(internal.urls)),
    *service_urls,
]
