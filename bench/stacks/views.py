"""The trivial endpoint, without DRF and with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import JsonResponse
from rest_framework.response import Response
from rest_framework.views import APIView

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request


def django(request: HttpRequest, number: int) -> JsonResponse:  # noqa: ARG001 - Django's signature
    """Answer without DRF."""
    return JsonResponse({"number": number})


class Bare(APIView):
    """Answer with DRF and nobody to authenticate."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request, number: int) -> Response:  # noqa: ARG002 - DRF's signature
        return Response({"number": number})


drf = Bare.as_view()
