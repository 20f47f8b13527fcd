from __future__ import annotations

import pytest

from quintet.middleware import DEFAULT
from quintet.views.errors import exception_handler
from tests.checks.findings import ids, judged


@pytest.mark.parametrize("name", DEFAULT)
def test_a_middleware_that_is_missing_is_found(settings, name):
    settings.MIDDLEWARE = [each for each in DEFAULT if each != name]

    (finding,) = judged()
    assert (finding.id, finding.msg) == ("quintet.E005", f"MIDDLEWARE lacks {name}.")


def test_middleware_in_another_order_is_found(settings):
    settings.MIDDLEWARE = [*DEFAULT[1:], DEFAULT[0]]

    assert ids() == ["quintet.E006"]


def test_a_middleware_in_front_is_a_warning(settings):
    settings.MIDDLEWARE = ["somebody.Elses", *DEFAULT]

    assert ids() == ["quintet.W001"]


def test_a_middleware_behind_or_between_is_fine(settings):
    settings.MIDDLEWARE = [*DEFAULT[:4], "somebody.Elses", *DEFAULT[4:], "another.One"]

    assert ids() == []


def own_handler(exc, handling):
    return exception_handler(exc, handling)


def test_another_exception_handler_is_found(settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"EXCEPTION_HANDLER": own_handler}

    assert ids() == ["quintet.E007"]


def test_an_exception_handler_that_says_that_it_ends_in_ours_is_fine(settings, monkeypatch):
    monkeypatch.setattr(own_handler, "extends", exception_handler, raising=False)
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"EXCEPTION_HANDLER": own_handler}

    assert ids() == []


def test_another_default_permission_is_found(settings):
    opened = {"DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"]}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | opened

    assert ids() == ["quintet.E008"]


def test_appended_slashes_are_found(settings):
    settings.APPEND_SLASH = True

    assert ids() == ["quintet.E009"]


def test_a_project_without_declared_settings_is_warned(settings, monkeypatch):
    monkeypatch.setenv("SERVICE_NAME", "plain")
    del settings.QUINTET

    assert ids() == ["quintet.W002"]
