"""The shared cache: Django's own backend, and its calls as spans."""

from __future__ import annotations
