"""What tests of services need: real servers, fakes at the seams, identities, and a test case.

Names are looked up on first use: pytest loads this package before Django has its settings.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quintet.testing.api import Api
    from quintet.testing.cases import ServiceTestCase
    from quintet.testing.downstream import Downstream
    from quintet.testing.identity import Identity, as_nobody, as_service, as_user

__all__ = [
    "Api",
    "Downstream",
    "Identity",
    "ServiceTestCase",
    "as_nobody",
    "as_service",
    "as_user",
]

_HOMES = {
    "Api": "quintet.testing.api",
    "Downstream": "quintet.testing.downstream",
    "Identity": "quintet.testing.identity",
    "ServiceTestCase": "quintet.testing.cases",
    "as_nobody": "quintet.testing.identity",
    "as_service": "quintet.testing.identity",
    "as_user": "quintet.testing.identity",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
