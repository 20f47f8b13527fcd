"""Sleeps, works, echoes and remembers on demand, as the stock stack does at the same addresses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet.auth import Public
from stage.models import Row

if TYPE_CHECKING:
    from rest_framework.request import Request


class SleepView(APIView):
    """Waits, as for a database or another service."""

    permission_classes: ClassVar = [Public]

    @extend_schema(operation_id="sleep", responses=None)
    def get(self, _request: Request, ms: int, **_path: Any) -> Response:
        """Answer after so many milliseconds."""
        time.sleep(ms / 1000)
        return Response({"slept_ms": ms})


class BurnView(APIView):
    """Works on a processor."""

    permission_classes: ClassVar = [Public]

    @extend_schema(operation_id="burn", responses=None)
    def get(self, _request: Request, ms: int, **_path: Any) -> Response:
        """Answer after so many milliseconds of the processor's time."""
        ends_at = time.thread_time() + ms / 1000
        while time.thread_time() < ends_at:
            pass
        return Response({"burnt_ms": ms})


class EchoView(APIView):
    """Gives back what it parsed."""

    permission_classes: ClassVar = [Public]

    @extend_schema(operation_id="echo", request=None, responses=None)
    def post(self, request: Request) -> Response:
        """Answer with the body."""
        return Response(request.data)


class RowsView(APIView):
    """Keeps rows in the database."""

    permission_classes: ClassVar = [Public]

    @extend_schema(operation_id="count_rows", responses=None)
    def get(self, _request: Request) -> Response:
        """Count them."""
        return Response({"count": Row.objects.count()})

    @extend_schema(operation_id="keep_row", request=None, responses=None)
    def post(self, request: Request) -> Response:
        """Keep one; `hold_ms` is how long its transaction stays open."""
        with transaction.atomic():
            row = Row.objects.create(name=request.data["name"])
            time.sleep(request.data.get("hold_ms", 0) / 1000)
        return Response({"id": row.pk}, status=201)
