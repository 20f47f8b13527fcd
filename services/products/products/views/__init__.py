"""HTTP in: parse, call the domain, respond."""

from __future__ import annotations

from products.views.catalogue import ProductViewSet
from products.views.reservations import ReservationViewSet

__all__ = ["ProductViewSet", "ReservationViewSet"]
