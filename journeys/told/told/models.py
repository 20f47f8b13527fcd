"""A book in which every effect is an entry: whatever is done twice stands there twice."""

from __future__ import annotations

from django.db import models


class Entry(models.Model):
    thing = models.CharField(max_length=64)
    number = models.IntegerField()
    written_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"{self.thing}: {self.number}"
