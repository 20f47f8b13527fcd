"""Putting away what dead processes have left, so that a thousand of them leave no thousand files.

What they counted stays in the sums; what only the living know is dropped. Each step leaves a shelf
that can be read and adds up to the same. A page is first renamed to a name that no process will
ever have, then taken into one with all others of its kind, and then removed; that one says which
pages it has taken in. Whoever dies in between leaves the rest to the next one.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from quintet.errors import UnavailableException
from quintet.telemetry.logs import get_logger
from quintet.telemetry.metrics import archive, exemplars
from quintet.telemetry.metrics.breath import Breath
from quintet.telemetry.metrics.index import PER_PROCESS
from quintet.telemetry.metrics.pages import HEAD_BYTES, MARK, UNFINISHED

if TYPE_CHECKING:
    from quintet.telemetry.metrics.shelf import Found, Shelf

GIVEN_UP_SECONDS = 60.0
"""How old a file has to be that somebody has begun and not finished."""

log = get_logger("quintet.telemetry")


def tidy(shelf: Shelf, breath: Breath | None = None) -> None:
    """Put away the pages of processes that are over; nothing when somebody else is at it."""
    try:
        if _is_untidy(shelf):
            with shelf.moving() as alone:
                if alone:
                    _finish(shelf)
                    _put_away(shelf)
                    _join(shelf, breath or Breath())
    except (OSError, UnavailableException) as error:
        log.warning("the metrics of dead processes could not be put away", exc_info=error)


def is_over(page: Found) -> bool:
    """Whether nobody will write to this page again.

    A page without our mark has no lock to tell it by, and is left to whoever made it.
    """
    try:
        file = os.open(page.path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        if not os.pread(file, HEAD_BYTES, 0).startswith(MARK, 4):
            return False
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(file)


def _is_untidy(shelf: Shelf) -> bool:
    if any((shelf.directory / name).exists() for name in shelf.absorbed()):
        return True
    pages = shelf.pages()
    put_away = Counter(page.kind for page in pages if page.is_put_away)
    return any(count > 1 for count in put_away.values()) or any(
        is_over(page) for page in pages if not page.is_put_away
    )


def _finish(shelf: Shelf) -> None:
    """Remove what somebody who died at this left behind."""
    for name in shelf.absorbed():
        (shelf.directory / name).unlink(missing_ok=True)
    for path in shelf.directory.glob(f"*{UNFINISHED}"):
        if time.time() - path.stat().st_mtime > GIVEN_UP_SECONDS:
            path.unlink(missing_ok=True)


def _put_away(shelf: Shelf) -> None:
    """Take the pages of the dead out of the way of those who may get their ids."""
    for page in shelf.pages():
        if not page.is_put_away and is_over(page):
            # First: a page of the same name must not find the exemplars of another one.
            page.path.with_suffix(exemplars.SUFFIX).unlink(missing_ok=True)
            if page.kind.startswith("gauge_live") or page.kind in PER_PROCESS:
                page.path.unlink()
            else:
                page.path.rename(shelf.free(page.kind))


def _join(shelf: Shelf, breath: Breath) -> None:
    """Make one page of all that are put away, for each kind."""
    put_away = [page for page in shelf.pages() if page.is_put_away]
    for kind, pages in groupby(put_away, key=lambda page: page.kind):
        paths = [page.path for page in pages]
        if len(paths) > 1:
            archive.absorb(paths, shelf.free(kind), kind=kind, breath=breath)
            for path in paths:
                path.unlink()
