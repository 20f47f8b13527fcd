from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

from quintet.embedded import spawn


def said(*argv: str, preexec) -> str:
    finished = subprocess.run(argv, capture_output=True, text=True, check=True, preexec_fn=preexec)
    return finished.stdout.strip()


def test_inside_a_namespace_the_caller_is_nobody_and_outside_it_owns_its_files(tmp_path):
    made = tmp_path / "made"
    preexec = spawn.in_user_namespace(signal.SIGKILL)

    if spawn.user_namespaces_work():
        assert said("sh", "-c", f"touch {made}; id -u", preexec=preexec) == str(spawn.NOBODY)
        assert made.stat().st_uid == os.geteuid()
    else:
        assert not spawn.can_run(["true"], preexec)


def test_only_root_can_become_nobody():
    preexec = spawn.as_nobody(signal.SIGKILL)

    assert spawn.can_run(["true"], preexec) is (os.geteuid() == 0)


def test_a_program_that_fails_or_is_missing_cannot_run():
    preexec = spawn.ends_with_parent(signal.SIGKILL)

    assert spawn.can_run(["true"], preexec)
    assert not spawn.can_run(["false"], preexec)
    assert not spawn.can_run(["no-such-program"], preexec)


def test_where_the_kernel_cannot_tie_a_child_to_its_parent_it_runs_all_the_same(monkeypatch):
    monkeypatch.setattr(spawn, "LINUX", False)

    assert said("echo", "alive", preexec=spawn.ends_with_parent(signal.SIGTERM)) == "alive"


def test_a_thread_that_somebody_has_started_in_the_child_is_waited_for():
    """A hook of ``os.register_at_fork`` may start one; a namespace is for a single thread only."""
    preexec = spawn.in_user_namespace(signal.SIGKILL)

    def crowded():
        threading.Thread(target=time.sleep, args=(0.2,)).start()
        preexec()

    assert spawn.can_run(["true"], crowded) is spawn.user_namespaces_work()
