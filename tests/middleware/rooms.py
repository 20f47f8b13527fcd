"""Views that show what the middleware did to their request."""

from __future__ import annotations

import asyncio
from io import BytesIO

import structlog
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet import context
from quintet.auth import Public
from quintet.telemetry import traces
from quintet.views.bodies import max_request_bytes
from quintet.views.functions import declares
from quintet.views.urls import service_urls


def here():
    bound = context.current()
    return bound.correlation_id if bound else "none"


@declares(Public)
def seen(request):
    return JsonResponse({"id": here(), "ip": request.client_ip, "own": request.correlation_id})


@declares(Public)
async def seen_later(request):
    await asyncio.sleep(0)
    return JsonResponse({"id": here(), "ip": request.client_ip, "own": request.correlation_id})


@declares(Public)
def nothing(request):
    return HttpResponse(status=204)


@declares(Public)
def stream(request):
    def chunks():
        for _ in range(2):
            yield here().encode()

    return StreamingHttpResponse(chunks())


@declares(Public)
def broken_stream(request):
    def chunks():
        yield b"half"
        raise ConnectionError("the source is gone")

    return StreamingHttpResponse(chunks())


@declares(Public)
async def stream_later(request):
    async def chunks():
        for _ in range(2):
            await asyncio.sleep(0)
            yield here().encode()

    return StreamingHttpResponse(chunks())


@declares(Public)
def whole(request, size):
    return HttpResponse(b"x" * size)


@declares(Public)
def file(request):
    return FileResponse(BytesIO(b"x" * 10_000))


class EchoView(APIView):
    permission_classes = [Public]

    def post(self, request):
        return Response({"got": request.data})


@declares(Public)
def raw(request, name):
    return HttpResponse(str(len(request.body)))


KEPT = []
"""The streams that bodies were read from, for whoever looks at them afterwards."""


@declares(Public)
def kind(request):
    """What the body is read from: a file in memory, or on the disk."""
    return JsonResponse(type(request._stream._file).__name__, safe=False)


@declares(Public)
def kept(request):
    KEPT.append(request._stream)
    return JsonResponse(request._stream.closed, safe=False)


@declares(Public)
def kept_and_left(request):
    KEPT.append(request._stream)
    raise KeyboardInterrupt


@declares(Public)
@max_request_bytes(5)
def small(request):
    return HttpResponse(str(len(request.body)))


@declares(Public)
@max_request_bytes(4_000)
def large(request):
    return HttpResponse(str(len(request.body)))


@max_request_bytes(1_000_000)
class FormView(APIView):
    permission_classes = [Public]
    parser_classes = [MultiPartParser]

    def post(self, request):
        return Response({"fields": len(request.POST), "files": len(request.FILES)})


@declares(Public)
def leaving(request):
    raise KeyboardInterrupt


@declares(Public)
def binding(request, number):
    met = structlog.contextvars.get_contextvars()
    structlog.contextvars.bind_contextvars(number=number)
    return JsonResponse({"met": met})


class FailingView(APIView):
    permission_classes = [Public]

    def get(self, request):
        return Response(failing())


@declares(Public)
def failing_plainly(request):
    return JsonResponse({"ratio": failing()})


@declares(Public)
def telling(request, name):
    raise ValueError(f"cannot log in: password={request.GET['password']} of {name}")


def failing():
    return 1 / 0


@declares(Public)
def spanning_stream(request):
    def chunks():
        with traces.span("a chunk"):
            yield b"half"

    return StreamingHttpResponse(chunks())


urlpatterns = [
    path("telling/<path:name>/", telling),
    path("failing/", FailingView.as_view()),
    path("failing-plainly/", failing_plainly),
    path("spanning-stream/", spanning_stream),
    path("binding/<int:number>/", binding),
    path("seen/", seen),
    path("seen-later/", seen_later),
    path("stream/", stream),
    path("broken-stream/", broken_stream),
    path("stream-later/", stream_later),
    path("file/", file),
    path("nothing/", nothing),
    path("echo/", EchoView.as_view()),
    path("raw/<str:name>/", raw),
    path("leaving/", leaving),
    path("kind/", kind),
    path("whole/<int:size>/", whole),
    path("kept/", kept),
    path("kept-and-left/", kept_and_left),
    path("small/", small),
    path("large/", large),
    path("form/", FormView.as_view()),
    *service_urls,
]
