"""The endpoint as Quintet wants it: with a permission, even if that admits everybody."""

from __future__ import annotations

from quintet.auth import Public
from stacks.views import Bare


class Declared(Bare):
    """Answer with DRF to whoever asks."""

    permission_classes = (Public,)


view = Declared.as_view()
