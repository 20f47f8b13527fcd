from __future__ import annotations

import os
import time

from django.http import JsonResponse
from django.urls import path
from shop import things

from quintet import lifecycle
from quintet.auth import Public
from quintet.views import probes
from quintet.views.functions import declares
from quintet.views.loggers import loggers
from quintet.views.metrics import metrics
from quintet.views.profile import profile


@declares(Public)
def worker(request):
    return JsonResponse({"pid": os.getpid(), "scheme": request.scheme, "length": len(request.body)})


@declares(Public)
def slow(request):
    time.sleep(float(request.GET.get("seconds", "1")))
    return JsonResponse({"done": True})


@declares(Public)
def unread(request):
    return JsonResponse({"done": True})


@declares(Public)
def recycled(request):
    return JsonResponse({"asked": lifecycle.recycle(), "pid": os.getpid()})


@declares(Public)
def headers(request):
    return JsonResponse(dict(request.headers))


urlpatterns = [
    path("api/v1/things/", things.ThingsView.as_view()),
    path("api/v1/things/<str:name>/", things.ThingView.as_view()),
    path("unread/", unread),
    path("headers/", headers),
    path("recycled/", recycled),
    path("worker/", worker),
    path("slow/", slow),
    path("metrics", metrics),
    path("loggers", loggers),
    path("profile", profile),
    path("livez", probes.livez),
    path("readyz", probes.readyz),
]
