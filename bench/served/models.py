"""One table, of which twenty rows are listed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Thing(models.Model):
    """Something with a name and a price."""

    name: ClassVar = models.CharField(max_length=100)
    price: ClassVar = models.DecimalField(max_digits=8, decimal_places=2)

    def __str__(self) -> str:
        return str(self.name)
