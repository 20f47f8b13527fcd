"""The OpenAPI document says everything, and there is nothing to migrate."""

from __future__ import annotations

from django.apps import apps
from django.conf import settings

from quintet.testing.contract import unsaid


def test_every_operation_is_described_with_examples_and_without_a_warning():
    assert unsaid() == []


def test_a_service_without_a_database_has_no_models():
    assert settings.QUINTET.DATABASE_URL == ""
    assert not list(apps.get_models())
