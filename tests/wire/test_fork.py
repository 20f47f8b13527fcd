from __future__ import annotations

import os

from tests.wire.test_exchange import ask


def test_a_forked_child_does_not_use_the_connections_of_its_parent(peer):
    ask(peer.url)

    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if ask(peer.url).body == b"hello" else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert peer.connections == 2
    assert ask(peer.url).body == b"hello"
    assert peer.connections == 2
