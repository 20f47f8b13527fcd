from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.test import RequestFactory
from django.views.decorators.clickjacking import xframe_options_exempt

from quintet.middleware.headers import HeadersMiddleware


def plain(_):
    return HttpResponse("x")


def stubborn(_):
    return HttpResponse(headers={"X-Frame-Options": "SAMEORIGIN", "referrer-policy": "origin"})


@xframe_options_exempt
def exempt(_):
    return HttpResponse()


@pytest.mark.parametrize("view", [plain, stubborn, exempt])
@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"SECURE_HSTS_SECONDS": 60, "SECURE_HSTS_PRELOAD": True},
        {"SECURE_CONTENT_TYPE_NOSNIFF": False, "X_FRAME_OPTIONS": "SAMEORIGIN"},
        {
            "SECURE_REFERRER_POLICY": ["origin", "same-origin"],
            "SECURE_CROSS_ORIGIN_OPENER_POLICY": None,
        },
        {"SECURE_SSL_REDIRECT": True, "SECURE_REDIRECT_EXEMPT": ["^livez$"]},
    ],
    ids=lambda chosen: "-".join(chosen) or "defaults",
)
@pytest.mark.parametrize("path", ["/livez", "/orders"])
def test_it_answers_as_the_two_of_django_do(settings, view, secure, chosen, path):
    for name, value in chosen.items():
        setattr(settings, name, value)
    request = RequestFactory().get(path, secure=secure)

    ours = HeadersMiddleware(view)(request)
    theirs = SecurityMiddleware(XFrameOptionsMiddleware(view))(request)

    assert ours.status_code == theirs.status_code
    assert dict(ours.headers) | {"X-Frame-Options": ""} == dict(theirs.headers) | {
        "X-Frame-Options": ""
    }
    if ours.status_code == 200:
        assert ours.get("X-Frame-Options") == theirs.get("X-Frame-Options")


def test_an_answer_keeps_its_own_headers_in_any_case_of_letters():
    response = HeadersMiddleware(stubborn)(RequestFactory().get("/"))

    assert response["Referrer-Policy"] == "origin"
    assert response["X-Frame-Options"] == "SAMEORIGIN"
