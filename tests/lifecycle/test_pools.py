from __future__ import annotations

from django.db import connections

from quintet import lifecycle
from quintet.lifecycle import ending
from quintet.lifecycle.pools import close_pools


class Pool:
    def __init__(self):
        self.closed = []

    def close(self, *, timeout):
        self.closed.append(timeout)


def test_a_pool_that_was_opened_is_closed_in_time_and_forgotten(monkeypatch):
    pool = Pool()
    pools = {"default": pool}
    monkeypatch.setattr(connections["default"], "_connection_pools", pools, raising=False)

    close_pools(1.5)

    assert (pool.closed, pools) == ([1.5], {})


def test_where_nothing_was_opened_nothing_is_made():
    close_pools(1.5)


def test_every_process_of_a_service_closes_its_pools_at_its_end():
    assert close_pools in ending._tidying
    assert lifecycle.at_stop(close_pools) is close_pools
