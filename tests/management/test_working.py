from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from django.core.management import CommandError, call_command

from tests.project.settings import ProjectSettings

WAIT_SECONDS = 20


@pytest.fixture
def declare(settings):
    def change(**environ):
        declared = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY": "k", **environ}
        settings.QUINTET = ProjectSettings.load(environ=declared)

    return change


@pytest.mark.parametrize("command", ["quintet_relay", "quintet_consume"])
def test_without_handlers_or_a_broker_there_is_nothing_to_do(declare, command):
    declare()

    with pytest.raises(CommandError, match=r"BROKER_URL is not set|No application has handlers"):
        call_command(command)


def test_a_broker_whose_library_is_not_installed_is_named(declare, monkeypatch):
    declare(BROKER_URL="nats://127.0.0.1")
    monkeypatch.delitem(sys.modules, "quintet.events.brokers.jetstream", raising=False)
    monkeypatch.setitem(sys.modules, "nats", None)

    with pytest.raises(CommandError, match="nats"):
        call_command("quintet_relay")


@pytest.mark.django_db(transaction=True)
def test_a_relay_ends_with_the_signal(empty_valkey, settings):
    name = settings.DATABASES["default"]["NAME"]
    url = os.environ["DATABASE_URL"].rpartition("/")[0]
    process = subprocess.Popen(
        [sys.executable, "-m", "django", "quintet_relay"],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.project.settings",
            "DATABASE_URL": f"{url}/{name}",
            "BROKER_URL": empty_valkey("events"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        from quintet.events.models import Lease

        ends_at = time.monotonic() + WAIT_SECONDS
        while not Lease.objects.filter(holder__isnull=False).exists():
            assert time.monotonic() < ends_at
            time.sleep(0.05)

        process.send_signal(signal.SIGTERM)

        assert process.wait(WAIT_SECONDS) == 0
        assert not Lease.objects.filter(holder__isnull=False).exists()
    finally:
        process.kill()
        process.communicate()
