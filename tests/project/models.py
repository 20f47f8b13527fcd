"""One table, for the tests of views."""

from __future__ import annotations

from django.db import models


class Book(models.Model):
    owner_id = models.IntegerField()
    title = models.CharField(max_length=40)
    pages = models.IntegerField(default=1)

    class Meta:
        ordering = ["title"]

    def __str__(self):
        return self.title
