"""Which provider this process speaks to."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from payments.clients.books import TableBook
from payments.clients.simulator import Simulator
from quintet import conf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from payments.clients.provider import Provider

_chosen: list[Provider] = []


def provider() -> Provider:
    """The provider of the innermost ``use_provider``; the standard one without it."""
    return _chosen[-1] if _chosen else standard_provider()


def standard_provider() -> Provider:
    """The provider of production: the simulator on its table."""
    env: Any = conf.current()
    return Simulator(
        TableBook(),
        timeout_seconds=env.PROVIDER_TIMEOUT_SECONDS,
        slow_seconds=env.SIMULATOR_SLOW_SECONDS,
    )


@contextmanager
def use_provider(chosen: Provider) -> Iterator[None]:
    """Let all threads of this process speak to another provider within the block."""
    _chosen.append(chosen)
    try:
        yield
    finally:
        _chosen.pop()
