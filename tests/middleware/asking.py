"""Views that ask the database."""

from __future__ import annotations

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from quintet.auth import Public
from quintet.views.functions import declares
from tests.project.models import Book


def ask(times):
    for number in range(times):
        yield str(Book.objects.filter(pk=number).exists()).encode()


@declares(Public)
def asks(request, times):
    return HttpResponse(b"".join(ask(times)))


@declares(Public)
def streams(request, times):
    return StreamingHttpResponse(ask(times))


@declares(Public)
def leaving(request):
    raise KeyboardInterrupt


urlpatterns = [
    path("asks/<int:times>/", asks),
    path("streams/<int:times>/", streams),
    path("leaving/", leaving),
]
