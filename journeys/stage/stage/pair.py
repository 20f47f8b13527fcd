"""Two services that know each other: one asks, the other one tells what it was given."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet.auth import Public, service
from quintet.clients import ServiceClient
from quintet.resilience import deadline
from stage.urls import urlpatterns as alone

if TYPE_CHECKING:
    from rest_framework.request import Request


class AskView(APIView):
    """Asks the other one, and gives back what it told."""

    permission_classes: ClassVar = [Public]
    schema = None

    def get(self, _request: Request, ms: int, **_path: Any) -> Response:
        return Response(ServiceClient("other").get(f"/api/v1/tell/{ms}/"))


class TellView(APIView):
    """Tells after a while how much time is left, and what time it is here."""

    permission_classes: ClassVar = [service("stage")]
    schema = None

    def get(self, _request: Request, ms: int, **_path: Any) -> Response:
        left = deadline.remaining()
        time.sleep(ms / 1000)
        return Response({"left_seconds": left, "time": time.time()})


urlpatterns = [
    path("api/v1/ask/<int:ms>/", AskView.as_view()),
    path("api/v1/tell/<int:ms>/", TellView.as_view()),
    *alone,
]
