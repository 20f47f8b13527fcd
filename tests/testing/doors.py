"""URLs of a service that says who asks, logs it, and asks another service."""

from __future__ import annotations

from django.http import JsonResponse
from django.urls import path

from quintet import clients
from quintet.auth import Public
from quintet.errors import NotFoundException
from quintet.telemetry.logs import get_logger
from quintet.views.functions import declares

log = get_logger("tests.doors")


@declares(Public)
def whoami(request):
    log.info("somebody asks", subject=request.user.subject, password="hunter2")
    return JsonResponse({"kind": request.user.kind, "staff": request.user.is_staff})


@declares(Public)
def neighbour(request):
    return JsonResponse(clients.ServiceClient("users").get("/api/v1/users/7/"))


@declares(Public)
def nothing(request):
    raise NotFoundException("There is nothing here.")


urlpatterns = [
    path("whoami/", whoami),
    path("neighbour/", neighbour),
    path("nothing/", nothing),
]
