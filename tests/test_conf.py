from __future__ import annotations

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from quintet import conf
from quintet.settings import ServiceSettings, SettingsError

GIVEN = {"SERVICE_NAME": "shop", "SECRET_KEY": "k", "SERVICE_ENVIRONMENT": "test"}


def test_the_settings_of_the_service_are_the_ones_it_declared():
    assert conf.current() is django_settings.QUINTET
    assert conf.current().SERVICE_NAME == "project"


def test_a_test_may_override_them():
    other = ServiceSettings.load(GIVEN)

    with override_settings(QUINTET=other):
        assert conf.current() is other

    assert conf.current().SERVICE_NAME == "project"


def test_another_setting_leaves_them_alone():
    before = conf.current()

    with override_settings(DEBUG=True):
        assert conf.current() is before


def test_a_plain_project_is_read_from_the_environment(monkeypatch):
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)

    with override_settings():
        del django_settings.QUINTET
        conf.current.cache_clear()
        assert conf.current().SERVICE_NAME == "shop"


def test_a_plain_project_without_a_name_is_told_so(monkeypatch):
    monkeypatch.delenv("SERVICE_NAME", raising=False)

    with override_settings(QUINTET=None), pytest.raises(SettingsError, match="SERVICE_NAME"):
        conf.current()


def test_something_else_in_its_place_is_a_mistake():
    with override_settings(QUINTET={}), pytest.raises(TypeError, match="QUINTET is dict"):
        conf.current()
