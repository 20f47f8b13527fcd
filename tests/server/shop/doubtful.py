"""URLs that a system check of Django doubts: a name with a colon cannot be reversed."""

from __future__ import annotations

from django.urls import path
from shop.urls import urlpatterns as sound
from shop.urls import worker

urlpatterns = [*sound, path("again/", worker, name="shop:again")]
