from __future__ import annotations

import pytest

from quintet.checks.idempotency import keys_are_seen_by_others, keys_have_an_owner

DOORS = pytest.mark.urls("tests.views.idempotency.doors")


@pytest.fixture
def around_requests(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "ATOMIC_REQUESTS", True)


@DOORS
def test_a_key_needs_a_caller_with_a_token():
    (finding,) = keys_have_an_owner()

    assert finding.id == "quintet.E023"
    assert "Open.post at /open/" in finding.msg


@DOORS
def test_nobody_would_see_a_claim_in_a_transaction_around_the_request(around_requests):
    assert [it.id for it in keys_are_seen_by_others()] == ["quintet.E024"]


@DOORS
def test_transactions_of_handlers_are_right():
    assert keys_are_seen_by_others() == []


def test_a_project_without_keys_may_have_its_transactions(around_requests):
    assert keys_are_seen_by_others() == keys_have_an_owner() == []
