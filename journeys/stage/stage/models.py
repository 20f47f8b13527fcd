"""One table, for those who give the stage a database."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Row(models.Model):
    """Something that was said to be kept."""

    name: ClassVar = models.CharField(max_length=100)

    def __str__(self) -> str:
        return str(self.name)
