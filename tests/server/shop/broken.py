"""URLs that a system check calls an error: nobody said who may call the view."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import path


def undeclared(request):
    return HttpResponse()


urlpatterns = [path("undeclared/", undeclared)]
