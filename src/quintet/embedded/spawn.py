"""What a child does between fork and exec: end with its parent, and not be root.

The functions made here run in a forked child, where only system calls are safe; so the C library
is loaded, and every string is made, before the fork. Where ``prctl`` is missing, a child that
outlives its parent is found again by the files in its directory.
"""

from __future__ import annotations

import ctypes
import errno
import os
import pwd
import signal
import subprocess
import sys
import time
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Preexec = Callable[[], None]

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
NOBODY = 65534
ATTEMPTS, PAUSE_SECONDS = 100, 0.01

_libc = ctypes.CDLL(None, use_errno=True)


def ends_with_parent(number: signal.Signals) -> Preexec:
    """Have the kernel send ``number`` to the child when the thread that spawned it ends."""

    def in_child() -> None:
        if not LINUX:
            return
        parent = os.getppid()
        _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return in_child


def in_user_namespace(number: signal.Signals, *, inside: int = NOBODY) -> Preexec:
    """Be ``nobody`` inside, the caller outside: no chown, and private homes work."""
    uid_map = f"{inside} {os.geteuid()} 1".encode()
    gid_map = f"{inside} {os.getegid()} 1".encode()
    follow_parent = ends_with_parent(number)

    def in_child() -> None:
        _unshare()
        _write("/proc/self/setgroups", b"deny")
        _write("/proc/self/uid_map", uid_map)
        _write("/proc/self/gid_map", gid_map)
        follow_parent()

    return in_child


def as_nobody(number: signal.Signals) -> Preexec:
    """Become the system's ``nobody`` for good."""
    entry = pwd.getpwnam("nobody")
    follow_parent = ends_with_parent(number)

    def in_child() -> None:
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        follow_parent()

    return in_child


def is_ordinary_user() -> bool:
    """Whether PostgreSQL takes us as we are: not root, and with a name, which it looks up."""
    try:
        return os.geteuid() != 0 and bool(pwd.getpwuid(os.geteuid()).pw_name)
    except KeyError:
        return False


@cache
def user_namespaces_work() -> bool:
    """Whether this kernel and container let us make a user namespace; tried, not guessed."""
    return LINUX and can_run(["true"], in_user_namespace(signal.SIGKILL))


def can_run(argv: list[str], preexec: Preexec) -> bool:
    """Whether ``argv`` succeeds in a child prepared by ``preexec``."""
    try:
        tried = subprocess.run(
            argv,
            check=False,
            capture_output=True,
            preexec_fn=preexec,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return tried.returncode == 0


def _unshare() -> None:
    """Enter a user namespace; wait for a thread that somebody's fork hook has started here."""
    for _ in range(ATTEMPTS):
        if _libc.unshare(CLONE_NEWUSER) == 0:
            return
        if ctypes.get_errno() != errno.EINVAL:
            break
        time.sleep(PAUSE_SECONDS)
    raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
