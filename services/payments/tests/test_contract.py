"""The OpenAPI document says everything, and the migrations say what the models say."""

from __future__ import annotations

from django.core.management import call_command

from quintet.testing.contract import unsaid


def test_every_operation_is_described_with_examples_and_without_a_warning():
    assert unsaid() == []


def test_no_migration_is_missing(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
