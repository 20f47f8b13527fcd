"""Sleeps, works, echoes and remembers on demand, as the stock stack does at the same addresses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.cache import cache
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Concat
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet.auth import Public
from quintet.clients import ServiceClient
from quintet.database import retrying
from quintet.views.timeouts import timeout
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


class BallastView(APIView):
    """Fills the cache of this process, as one that forgets to limit it."""

    permission_classes: ClassVar = [Public]

    @extend_schema(operation_id="keep_ballast", responses=None)
    def get(self, _request: Request, megabytes: int, **_path: Any) -> Response:
        """Keep so many megabytes more."""
        cache.set(f"ballast-{time.monotonic_ns()}", b"x" * megabytes * 1_000_000, timeout=None)
        return Response({"kept_megabytes": megabytes})


class RelayView(APIView):
    """Asks the next service for the same."""

    permission_classes: ClassVar = [Public]

    @extend_schema(operation_id="relay", responses=None)
    def get(self, _request: Request, **_path: Any) -> Response:
        """Answer what the next one answers."""
        return Response(ServiceClient("next").get("/api/v1/relay/"))

    @extend_schema(operation_id="relay_deed", request=None, responses=None)
    def post(self, request: Request, **_path: Any) -> Response:
        """Have the next one do something, with the key that the caller gave to it, if any."""
        key = request.headers.get("Idempotency-Key")
        return Response(ServiceClient("next").post("/api/v1/relay/", idempotency_key=key))


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


@timeout(10)
class PairView(APIView):
    """Marks two rows in one transaction, in the order in which they are named."""

    permission_classes: ClassVar = [Public]

    @extend_schema(operation_id="mark_pair", request=None, responses=None)
    def put(self, request: Request, first: int, second: int, **_path: Any) -> Response:
        """Mark both; `hold_ms` is how long the first is held before the second."""
        mark_pair(first, second, hold_seconds=request.data.get("hold_ms", 0) / 1000)
        return Response({"marked": [first, second]})


@retrying(attempts=10)
def mark_pair(first: int, second: int, *, hold_seconds: float) -> None:
    """Mark both rows or none."""
    mark(first)
    time.sleep(hold_seconds)
    mark(second)


def mark(pk: int) -> None:
    """Put a mark behind the name of a row."""
    Row.objects.filter(pk=pk).update(name=Concat("name", Value("+")))
