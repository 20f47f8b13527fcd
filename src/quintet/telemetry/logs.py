"""One JSON object per line, whoever logs: structlog, the standard library, Django, the server.

structlog's loggers and the standard library's meet in ``JSONFormatter``. A line always holds the
same keys first, then the fields of the event. Whatever is logged, the line is one line and valid
JSON, and logging it never raises.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from structlog.contextvars import (
    _CONTEXT_VARS as _EVER_BOUND,  # structlog walks through every context variable to tell
)

from quintet import context
from quintet.settings import derive
from quintet.telemetry import confidence
from quintet.telemetry.fields import LONGEST_EXCEPTION, fit_fields, fit_text
from quintet.telemetry.output import StandardOutput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quintet.settings import ServiceSettings

RESERVED = frozenset(
    {
        "timestamp",
        "level",
        "logger",
        "message",
        "service",
        "version",
        "environment",
        "correlation_id",
        "trace_id",
        "span_id",
        "exception",
    }
)

# Everything that a LogRecord has of its own; what else it carries was given as ``extra``.
_OF_A_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "event_fields",
    # Django attaches the whole request, and its development server an open socket.
    "request",
    "server_time",
}
# Line ends that are not control characters of ASCII, the C1 controls that terminals obey, and the
# characters that reorder text on a screen.
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_OPTIONS = orjson.OPT_UTC_Z
_DELETE = 0x7F
_WHOLE_LINE = _OPTIONS | orjson.OPT_APPEND_NEWLINE

__all__ = [
    "JSONFormatter",
    "Logger",
    "StandardOutput",
    "StructuredLogger",
    "configure_dict",
    "get_logger",
    "render",
]


class Logger(structlog.BoundLoggerBase):
    """A structlog logger: ``log.info("user created", user_id=7)``, with ``bind`` and ``unbind``."""

    def debug(self, event: Any, /, *args: Any, **fields: Any) -> None:
        """Log for whoever looks for a mistake."""
        self._emit(logging.DEBUG, event, args=args, fields=fields)

    def info(self, event: Any, /, *args: Any, **fields: Any) -> None:
        """Log what happened."""
        self._emit(logging.INFO, event, args=args, fields=fields)

    def warning(self, event: Any, /, *args: Any, **fields: Any) -> None:
        """Log what somebody should look at one day."""
        self._emit(logging.WARNING, event, args=args, fields=fields)

    def error(self, event: Any, /, *args: Any, **fields: Any) -> None:
        """Log what somebody should look at today."""
        self._emit(logging.ERROR, event, args=args, fields=fields)

    def exception(self, event: Any, /, *args: Any, **fields: Any) -> None:
        """Log the exception that is being handled, with its traceback."""
        self._emit(logging.ERROR, event, args=args, fields={"exc_info": True, **fields})

    def critical(self, event: Any, /, *args: Any, **fields: Any) -> None:
        """Log what somebody should look at now."""
        self._emit(logging.CRITICAL, event, args=args, fields=fields)

    def log(self, level: int, event: Any, /, *args: Any, **fields: Any) -> None:
        """Log at a level that is known only at run time."""
        self._emit(level, event, args=args, fields=fields)

    warn, fatal, err = warning, critical, error

    def _emit(
        self, level: int, event: Any, *, args: tuple[Any, ...], fields: dict[str, Any]
    ) -> None:
        logger: logging.Logger = self._logger
        if not logger.isEnabledFor(level):
            return
        exc_info = _exc_info(fields.pop("exc_info", None))
        record = logging.LogRecord(logger.name, level, "", 0, event, args, exc_info)
        record.event_fields = {**self._context, **fields} if self._context else fields
        logger.handle(record)


def get_logger(name: str, **fields: Any) -> Logger:
    """Return the logger of ``name``; ``fields`` are in every line that it writes."""
    return Logger(logging.getLogger(name), (), fields)


StructuredLogger = get_logger


class JSONFormatter(logging.Formatter):
    """Renders a record as one line of JSON, redacted and bounded."""

    def __init__(self, *, service: str, version: str, environment: str) -> None:
        super().__init__()
        self._service, self._version, self._environment = service, version, environment
        structlog.configure(
            processors=(),
            wrapper_class=Logger,
            context_class=dict,
            logger_factory=structlog.stdlib.LoggerFactory(),
            cache_logger_on_first_use=False,
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        try:
            return confidence.hide_in_json(render(self._event(record)))
        except Exception as error:  # noqa: BLE001 - a log line must never be what fails a request
            return render(self._apology(record, error))

    def line(self, logger: str, level: str, *, message: str, fields: Mapping[str, Any]) -> bytes:
        """Return the line, with its end, of a message and fields that are fit for it already."""
        event = self._head(datetime.now(UTC), level, logger=logger, message=message)
        event |= fields
        return _rendered(event, option=_WHOLE_LINE)

    def _head(self, at: datetime, level: str, *, logger: str, message: str) -> dict[str, Any]:
        bound = context.current()
        # Written out: merging the identity in would cost as much as the whole of the encoding.
        head = {
            "timestamp": at,
            "level": level,
            "logger": logger,
            "message": message,
            "service": self._service,
            "version": self._version,
            "environment": self._environment,
            "correlation_id": None if bound is None else bound.correlation_id,
        }
        if bound is not None and bound.span_id is not None:
            head["trace_id"], head["span_id"] = bound.trace_id, bound.span_id
        return head

    def _event(self, record: logging.LogRecord) -> dict[str, Any]:
        message = fit_text(_message(record))
        at = datetime.fromtimestamp(record.created, UTC)
        event = self._head(at, record.levelname, logger=record.name, message=message)
        fields = fit_fields(_fields(record))
        if RESERVED.isdisjoint(fields):
            event.update(fields)
        else:
            event.update({f"{k}_" if k in RESERVED else k: v for k, v in fields.items()})
        if trace := _traceback(record):
            event["exception"] = fit_text(trace, longest=LONGEST_EXCEPTION)
        return event

    def _apology(self, record: logging.LogRecord, error: Exception) -> dict[str, Any]:
        message = f"a log record could not be rendered: {type(error).__name__}"
        return self._head(datetime.now(UTC), "ERROR", logger=str(record.name), message=message)


def configure_dict(env: ServiceSettings) -> dict[str, Any]:
    """Return the ``LOGGING`` of a service."""
    return derive.logging(env)


def render(event: Mapping[str, Any]) -> str:
    """Return ``event`` as JSON without any character that ends a line or moves a cursor."""
    return _rendered(event, option=_OPTIONS).decode()


def _rendered(event: Mapping[str, Any], *, option: int) -> bytes:
    try:
        line = orjson.dumps(event, option=option)
    except TypeError:
        line = orjson.dumps(_encodable(event), option=option)
    if line.isascii() and _DELETE not in line:
        return line
    return _UNSAFE.sub(_escaped, line.decode()).encode()


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _encodable(value: Any) -> Any:
    """Replace halves of surrogate pairs, which no encoding knows."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_encodable(each) for each in value]
    return value


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit the message must not lose the line
        return f"{record.msg} (with {len(record.args or ())} arguments that do not fit)"


def _fields(record: logging.LogRecord) -> Mapping[Any, Any]:
    own = getattr(record, "event_fields", None)
    if own is None:
        own = {name: value for name, value in vars(record).items() if name not in _OF_A_RECORD}
    bound = bound_fields()
    return {**bound, **own} if bound else own


def bound_fields() -> dict[str, Any]:
    """What ``structlog.contextvars`` holds here; asking is free where nobody has ever used them."""
    return structlog.contextvars.get_contextvars() if _EVER_BOUND else {}


def _exc_info(given: Any) -> Any:
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    if isinstance(given, tuple):
        return given
    return sys.exc_info() if given else None


def _traceback(record: logging.LogRecord) -> str:
    parts = [record.exc_text or ""]
    if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
        parts = ["".join(traceback.format_exception(*record.exc_info))]
    return "\n".join(part for part in (*parts, record.stack_info or "") if part)
