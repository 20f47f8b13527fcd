from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.test import override_settings

from quintet.clients import Policy, ServiceClient
from quintet.settings import ServiceSettings, url

GIVEN = {"SERVICE_NAME": "shop", "SECRET_KEY": "hunter2", "SERVICE_ENVIRONMENT": "test"}


class Settings(ServiceSettings):
    GIFT_CARDS_SERVICE_URL: str = url(schemes=("http",), default="http://cards.invalid:8000")
    LENDERS_SERVICE_URL: str = url(schemes=("http",), default="http://lenders.invalid:8000")


class LendersClient(ServiceClient):
    service = "lenders"
    policy = Policy(hedged=True)


class CardsClient(ServiceClient):
    service = "gift-cards"
    policy = Policy(retries=0)


@pytest.fixture
def shown():
    def run(**environ: str) -> str:
        out = io.StringIO()
        with override_settings(QUINTET=Settings.load({**GIVEN, **environ})):
            call_command("quintet_clients", stdout=out)
        return out.getvalue()

    return run


def test_the_order_is_told_once(shown):
    assert shown().splitlines()[0] == (
        "deadline → retry budget → retry → breaker → bulkhead → attempt timeout → call"
    )


def test_every_stage_of_every_service_has_its_number_and_its_origin(shown):
    text = shown(CLIENT_PLACES="3")
    _, cards, lenders = text.split("\n\n")

    assert cards.startswith("gift-cards at http://cards.invalid:8000")
    assert [line.split("  ")[1].strip() for line in lenders.splitlines()[1:7]] == [
        "deadline",
        "retry budget",
        "retry",
        "breaker",
        "bulkhead",
        "attempt timeout",
    ]
    assert "3 calls at once" in lenders
    places, budget = lenders.splitlines()[5], lenders.splitlines()[2]
    assert places.split()[-2:] == ["CLIENT_PLACES", "environment"]
    assert budget.split()[-2:] == ["CLIENT_RETRY_SHARE", "default"]


def test_what_a_client_asks_for_itself_is_told_with_its_name(shown):
    _, cards, lenders = shown().split("\n\n")

    (own,) = [line for line in cards.splitlines() if line.endswith("CardsClient")]
    assert own.split()[:2] == ["retry", "0"]
    (own,) = [line for line in lenders.splitlines() if line.endswith("LendersClient")]
    assert own.split()[0] == "hedge"
