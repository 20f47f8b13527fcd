"""The products service as a Django app: the owner of the catalogue and of the stock."""

from __future__ import annotations

from django.apps import AppConfig


class ProductsConfig(AppConfig):
    """Names the service to Django."""

    name = "products"
    verbose_name = "Products"
    default_auto_field = "django.db.models.BigAutoField"
