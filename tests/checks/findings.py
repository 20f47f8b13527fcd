"""What the checks find."""

from __future__ import annotations

from django.core.checks import run_checks

KEY = "k3y-" + "abcdefghijklmnopqrstuvwxyz0123456789" * 2


def judged():
    """All findings but those on classes that other tests left behind."""
    found = run_checks(tags=["quintet"])
    return [one for one in found if "<locals>" not in getattr(one.obj, "__qualname__", "")]


def ids(findings=None):
    return [finding.id for finding in (judged() if findings is None else findings)]
