"""Three endpoints: one that does nothing, one that lists rows, and one that waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from django.urls import path
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView

from quintet.auth import Public
from quintet.views.urls import service_urls
from served.models import Thing

if TYPE_CHECKING:
    from rest_framework.request import Request

WAIT_SECONDS = 0.02


class ThingSerializer(ModelSerializer[Thing]):
    """All that there is of a thing."""

    class Meta:
        model = Thing
        fields = ("id", "name", "price")


class TrivialView(APIView):
    """Answer at once."""

    permission_classes: ClassVar = [Public]

    def get(self, _request: Request) -> Response:
        return Response({"number": 7})


class ThingsView(ListAPIView[Thing]):
    """List the first page."""

    permission_classes: ClassVar = [Public]
    serializer_class = ThingSerializer
    queryset = Thing.objects.order_by("id")


class WaitingView(APIView):
    """Wait, as for another service."""

    permission_classes: ClassVar = [Public]

    def get(self, _request: Request) -> Response:
        time.sleep(WAIT_SECONDS)
        return Response({"number": 7})


urlpatterns = [
    path("trivial/", TrivialView.as_view()),
    path("things/", ThingsView.as_view()),
    path("waiting/", WaitingView.as_view()),
    *service_urls[:4],
]
