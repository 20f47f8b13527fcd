from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command
from django.test import override_settings

from quintet.settings import ServiceSettings

GIVEN = {"SERVICE_NAME": "shop", "SECRET_KEY": "hunter2", "SERVICE_ENVIRONMENT": "test"}


@pytest.fixture
def shown():
    def run(*arguments: str, **environ: str) -> str:
        out = io.StringIO()
        with override_settings(QUINTET=ServiceSettings.load({**GIVEN, **environ})):
            call_command("quintet_settings", *arguments, stdout=out)
        return out.getvalue()

    return run


def test_every_setting_is_shown_with_its_value_and_its_origin(shown):
    rows = shown(PORT="9000").partition("\n\n")[0]
    lines = [line.split() for line in rows.splitlines()]

    assert lines[0] == ["setting", "value", "origin"]
    assert ["PORT", "9000", "environment"] in lines
    assert ["HOST", "127.0.0.1", "default"] in lines
    assert {line[0] for line in lines[1:]} == set(ServiceSettings.declarations())


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_no_secret_is_shown(shown, arguments):
    text = shown(
        *arguments,
        HEALTH_TOKEN="hunter2",
        DATABASE_URL="postgres://shop:hunter2@db/shop",
        CACHE_URL="redis://:hunter2@cache/0?password=hunter2",
        AUTH_SIGNING_KEYS="-----BEGIN PRIVATE KEY-----hunter2",
        BROKER_URL="amqp://a:hunter2@broker",
    )

    assert "hunter2" not in text
    assert "db/shop" in text


def test_it_can_be_read_by_a_program(shown):
    rows = {row["name"]: row for row in json.loads(shown("--json", PORT="9000"))}

    assert rows["PORT"] == {
        "name": "PORT",
        "value": "9000",
        "origin": "environment",
        "help": "The port, 0 for a free one.",
    }


def test_a_value_cannot_write_lines_or_colours(shown):
    text = shown(SERVICE_VERSION="1\nPORT 1 \x1b[31m")

    assert "1\\nPORT 1 \\x1b[31m" in text
    assert "\x1b" not in text


def test_it_says_how_long_the_end_may_take(shown):
    said = shown(DRAIN_SECONDS="10", SHUTDOWN_SECONDS="20").splitlines()[-1]

    assert said.endswith("terminationGracePeriodSeconds: 35")
