from __future__ import annotations

import json
import logging

import pytest

from quintet.telemetry.logs import JSONFormatter, StandardOutput


class Written:
    """What went to standard output, to be asked for its lines."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys, self._text = capsys, ""

    def getvalue(self) -> str:
        self._text += self._capsys.readouterr().out
        return self._text

    def clear(self) -> None:
        self._capsys.readouterr()
        self._text = ""

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def line(self) -> dict:
        (only,) = self.lines()
        return only


@pytest.fixture
def written(capsys, monkeypatch):
    """What the loggers below ``shop`` write while a test runs."""
    # pytest listens too, and would fail a test for a record that its own formatter cannot render.
    monkeypatch.setattr("logging.raiseExceptions", False)
    handler = StandardOutput()
    handler.setFormatter(JSONFormatter(service="shop", version="1.0.0", environment="test"))
    logger = logging.getLogger("shop")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    yield Written(capsys)
    logger.handlers, logger.propagate = [], True
