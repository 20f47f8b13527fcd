"""The levels of the loggers: look at them, and turn them for a while."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet.errors import ConflictException, NotFoundException
from quintet.middleware.network import client_ip
from quintet.telemetry import turning
from quintet.telemetry.logs import get_logger
from quintet.views.authority import Anyone, Inside
from quintet.views.functions import declares
from quintet.views.serializers import StrictSerializer

if TYPE_CHECKING:
    from rest_framework.request import Request

log = get_logger("quintet.telemetry")


class Wish(StrictSerializer[Any]):
    """Which logger or group, what level, and for how long; no level lets it go back now."""

    name = serializers.CharField(max_length=200)
    level = serializers.ChoiceField(choices=turning.LEVELS, allow_null=True)
    seconds = serializers.FloatField(
        min_value=1, max_value=turning.MOST_SECONDS, default=turning.DEFAULT_SECONDS
    )


class _Loggers(APIView):
    permission_classes = [Anyone]  # who may come is decided around it
    authentication_classes: list[Any] = []
    schema = None

    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        return Response(described())

    def post(self, request: Request) -> Response:
        wish = Wish(data=request.data)
        wish.is_valid(raise_exception=True)
        name, level = wish.validated_data["name"], wish.validated_data["level"]
        seconds = wish.validated_data["seconds"]
        _turn(name, level, seconds)
        by = client_ip(request._request)  # noqa: SLF001 - the header is judged on Django's request
        log.warning("log level changed", changed=name, to=level, seconds=seconds, by=by)
        return Response(described())


loggers = declares(Inside)(_Loggers.as_view())
"""``GET`` and ``POST /loggers``: to the internal side or with a token."""


def described() -> dict[str, Any]:
    """All loggers with their levels, the groups, and what is changed for how much longer."""
    made: dict[str, Any] = {turning.ROOT: logging.root, **logging.root.manager.loggerDict}
    return {
        "levels": turning.LEVELS,
        "loggers": {
            name: _described(logger)
            for name, logger in sorted(made.items())
            if isinstance(logger, logging.Logger)
        },
        "groups": turning.GROUPS,
        "changed": {
            name: {"level": level, "seconds_left": round(left, 1)}
            for name, (level, left) in turning.current().changes().items()
        },
    }


def _described(logger: logging.Logger) -> dict[str, str | None]:
    own = logging.getLevelName(logger.level) if logger.level else None
    return {"level": own, "effective_level": logging.getLevelName(logger.getEffectiveLevel())}


def _turn(name: str, level: str | None, seconds: float) -> None:
    try:
        if level is None:
            turning.current().restore(name)
        else:
            turning.current().change(name, level, seconds=seconds)
    except turning.Unknown as error:
        raise NotFoundException(str(error)) from error
    except turning.TooMany as error:
        raise ConflictException(str(error)) from error
