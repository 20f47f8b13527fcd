from __future__ import annotations

import pytest

from quintet.lifecycle import recycle, recycling


@pytest.fixture(autouse=True)
def nobody_offers(monkeypatch):
    monkeypatch.setattr(recycling, "_offers", [])


def test_where_nobody_replaces_a_process_it_says_so():
    assert recycle() is False


def test_the_process_is_replaced_as_its_server_offers_and_no_other():
    done = []
    recycling.offer(lambda: done.append("the master of this one"))
    recycling.offer(lambda: done.append("this one"))

    assert recycle() is True
    assert done == ["this one"]
