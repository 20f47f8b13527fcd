"""The same misbehaviour as on the stage, as a tutorial would write it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import urllib3
from django.core.cache import cache
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Concat
from django.http import HttpResponse, JsonResponse
from rest_framework.response import Response
from rest_framework.views import APIView

from stock.models import Row

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request


OK = 200
AGAIN = urllib3.Retry(total=2, status_forcelist=[502, 503, 504], raise_on_status=False)


class SleepView(APIView):
    """Waits, as for a database or another service."""

    def get(self, _request: Request, ms: int) -> Response:
        time.sleep(ms / 1000)
        return Response({"slept_ms": ms})


class BurnView(APIView):
    """Works on a processor."""

    def get(self, _request: Request, ms: int) -> Response:
        ends_at = time.thread_time() + ms / 1000
        while time.thread_time() < ends_at:
            pass
        return Response({"burnt_ms": ms})


class EchoView(APIView):
    """Gives back what it parsed."""

    def post(self, request: Request) -> Response:
        return Response(request.data)


class BallastView(APIView):
    """Fills the cache of this process, as one that forgets to limit it."""

    def get(self, _request: Request, megabytes: int) -> Response:
        cache.set(f"ballast-{time.monotonic_ns()}", b"x" * megabytes * 1_000_000, timeout=None)
        return Response({"kept_megabytes": megabytes})


class RelayView(APIView):
    """Asks the next service for the same, three times if it has to."""

    def get(self, _request: Request) -> Response:
        answer = urllib3.request(
            "GET", f"{os.environ['NEXT_SERVICE_URL']}/api/v1/relay/", retries=AGAIN, timeout=5
        )
        return Response(answer.json() if answer.status == OK else None, status=answer.status)


class RowsView(APIView):
    """Keeps rows in the database."""

    def get(self, _request: Request) -> Response:
        return Response({"count": Row.objects.count()})

    def post(self, request: Request) -> Response:
        with transaction.atomic():
            row = Row.objects.create(name=request.data["name"])
            time.sleep(request.data.get("hold_ms", 0) / 1000)
        return Response({"id": row.pk}, status=201)


class PairView(APIView):
    """Marks two rows in one transaction, in the order in which they are named."""

    def put(self, request: Request, first: int, second: int) -> Response:
        with transaction.atomic():
            mark(first)
            time.sleep(request.data.get("hold_ms", 0) / 1000)
            mark(second)
        return Response({"marked": [first, second]})


def mark(pk: int) -> None:
    Row.objects.filter(pk=pk).update(name=Concat("name", Value("+")))


def livez(_request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})
