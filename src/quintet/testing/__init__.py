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

__all__ = ["Api", "Downstream", "ServiceTestCase"]

_HOMES = {
    "Api": "quintet.testing.api",
    "Downstream": "quintet.testing.downstream",
    "ServiceTestCase": "quintet.testing.cases",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
