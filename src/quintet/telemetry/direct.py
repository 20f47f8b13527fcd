"""A line that goes straight to standard output, where nobody else listens.

A record of the standard library costs more than all the rest of a line: it is made, filtered, and
handed from logger to logger. For the one line that every request writes that is too much. Whoever
adds a handler or a filter of his own gets records as always.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from quintet.telemetry import output
from quintet.telemetry.levels import counters
from quintet.telemetry.logs import JSONFormatter, bound_fields, get_logger
from quintet.telemetry.output import StandardOutput

if TYPE_CHECKING:
    from collections.abc import Mapping


class DirectLogger:
    """Writes lines whose fields have been fitted already, by the shortest way there is."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._logger = logging.getLogger(name)
        self._by_record = get_logger(name)

    def log(self, level: int, message: str, fields: Mapping[str, Any]) -> None:
        """Write one line; ``fields`` hold no secret, no reserved name, and only what JSON knows."""
        if not self._logger.isEnabledFor(level):
            return
        formatter = None if bound_fields() else sole_formatter(self._logger, level)
        if formatter is None:
            self._by_record.log(level, message, **fields)
            return
        name = logging.getLevelName(level)
        output.write(formatter.line(self._name, name, message=message, fields=fields))
        counters[name](1.0)


def sole_formatter(logger: logging.Logger, level: int) -> JSONFormatter | None:
    """The formatter of the one handler that records of ``logger`` reach, when both are ours."""
    if logger.filters:
        return None
    found: StandardOutput | None = None
    here: logging.Logger | None = logger
    while here is not None:
        for handler in here.handlers:
            if found is not None or type(handler) is not StandardOutput:
                return None
            found = handler
        here = here.parent if here.propagate else None
    if found is None or found.filters or found.level > level:
        return None
    formatter = found.formatter
    return formatter if type(formatter) is JSONFormatter else None
