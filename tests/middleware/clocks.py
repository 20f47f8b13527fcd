"""Views that look at the clock."""

from __future__ import annotations

import os
import time

from django.http import JsonResponse, StreamingHttpResponse
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from quintet.auth import Public
from quintet.resilience import deadline
from quintet.views.functions import declares
from quintet.views.timeouts import timeout

LATE_SECONDS = 0.005


def environment(**values):
    return os.environ | {f"REQUEST_{name.upper()}_SECONDS": text for name, text in values.items()}


@declares(Public)
def left(request):
    return JsonResponse({"left": deadline.remaining()})


@declares(Public)
async def left_later(request):
    return JsonResponse({"left": deadline.remaining()})


patient = timeout(60)(left)
hasty = timeout(2)(left)
patient_later = timeout(60)(left_later)


@timeout(60)
class PatientView(APIView):
    permission_classes = [Public]

    def get(self, request):
        return Response({"left": deadline.remaining()})


class PatientSet(ViewSet):
    permission_classes = [Public]

    @timeout(60)
    def list(self, request):
        return Response({"left": deadline.remaining()})


@declares(Public)
def over(request):
    with deadline.within(0):
        deadline.check("reading")


@declares(Public)
def lifted(request):
    deadline.bind(None)
    return left(request)


def be_late():
    deadline.bind(time.monotonic() - LATE_SECONDS)


@declares(Public)
def late(request):
    be_late()
    return JsonResponse({})


def steps(count=2):
    for _ in range(count):
        yield str(deadline.remaining()).encode()


@declares(Public)
def stream(request):
    return StreamingHttpResponse(steps())


@declares(Public)
def late_stream(request):
    be_late()
    return StreamingHttpResponse(steps())


@declares(Public)
def stopped_stream(request):
    def stopped():
        yield from steps(1)
        deadline.check("reading")

    be_late()
    return StreamingHttpResponse(stopped())


@declares(Public)
def leaving(request):
    raise KeyboardInterrupt


urlpatterns = [
    path("left/", left),
    path("left-later/", left_later),
    path("patient/", patient),
    path("patient-later/", patient_later),
    path("patient-class/", PatientView.as_view()),
    path("patient-set/", PatientSet.as_view({"get": "list"})),
    path("patient-stream/", timeout(60)(stream)),
    path("hasty/", hasty),
    path("over/", over),
    path("lifted/", lifted),
    path("late/", late),
    path("stream/", stream),
    path("late-stream/", late_stream),
    path("stopped-stream/", stopped_stream),
    path("leaving/", leaving),
]
