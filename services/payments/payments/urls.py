"""The doors of the payments service."""

from __future__ import annotations

from django.urls import include, path, register_converter
from django.urls.converters import StringConverter

from payments import views
from payments.models import REFERENCE
from quintet.views.routers import Router
from quintet.views.urls import service_urls


class ReferenceConverter(StringConverter):
    """What another service may call a payment; anything else is no route."""

    regex = REFERENCE


register_converter(ReferenceConverter, "reference")

public = Router()
public.register("payments", views.PaymentViewSet, basename="payment")
public.register("receipts", views.ReceiptViewSet, basename="receipt")

internal = Router()
internal.register("payments", views.InternalPaymentViewSet, basename="internal-payment")

urlpatterns = [
    path("api/v1/", include(public.urls)),
    path("internal/v1/", include(internal.urls)),
    *service_urls,
]
