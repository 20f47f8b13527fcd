"""The tools that measure are measured first: against the stock stack, whose figures are known."""

from __future__ import annotations

import socket
import time
from collections import Counter

import load
import pytest
from figures import Figures
from load import Call, Load

CALLS = (
    Call(path="/api/v1/sleep/10/"),
    Call(path="/api/v1/rows/", method="POST", body='{"name": "row {n}"}'),
)


@pytest.mark.parametrize("keep_alive", [False, True])
def test_every_request_that_was_sent_has_arrived_and_is_counted(stock, keep_alive):
    before = stock.door().ask("GET", "/api/v1/rows/").json["count"]

    outcomes = load.run(
        Load(address=stock.address, calls=CALLS, per_second=40, seconds=2, keep_alive=keep_alive)
    )

    kept = stock.door().ask("GET", "/api/v1/rows/").json["count"] - before
    assert Counter((one.call, one.status) for one in outcomes) == {(0, 200): 40, (1, 201): 40}
    assert kept == 40
    assert load.goodput(outcomes, 2) == 40
    assert load.percentile(outcomes[::2], 50) >= 0.01


def test_requests_arrive_at_their_rate_whatever_becomes_of_the_others():
    """Nobody answers here, and nobody waits for that."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outcomes = load.run(
            Load(
                address=silent.getsockname(),
                calls=CALLS,
                per_second=50,
                seconds=1,
                timeout_seconds=0.5,
            )
        )

    assert Counter(one.error for one in outcomes) == {"timeout": 50}
    assert outcomes[-1].due_at - outcomes[0].due_at == pytest.approx(49 / 50)
    assert load.goodput(outcomes, 1) == 0


def test_a_port_without_a_server_is_an_error_and_not_a_timeout():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = gone.getsockname()

    outcomes = load.run(Load(address=address, calls=CALLS, per_second=10, seconds=1))

    assert {one.error for one in outcomes} == {"ConnectionRefusedError"}


def test_load_that_is_not_waited_for_ends_with_its_block(stock):
    began = time.monotonic()

    with load.running(Load(address=stock.address, calls=CALLS, per_second=10, seconds=60)):
        pass

    assert time.monotonic() - began < 30


@pytest.mark.parametrize("wrong", [{"per_second": 0}, {"seconds": 9_999}, {"per_second": 9e9}])
def test_load_is_bounded(wrong):
    with pytest.raises(ValueError, match="too many"):
        Load(**{"address": ("", 1), "calls": CALLS, "per_second": 1, "seconds": 1, **wrong})


def test_a_percentile_is_one_of_the_measured_values():
    outcomes = [
        load.Outcome(number=n, call=0, due_at=0, seconds=n, status=200, error="", headers={})
        for n in range(1, 101)
    ]

    assert [load.percentile(outcomes, p) for p in (50, 99, 100)] == [50, 99, 100]
    assert load.percentile([], 99) == 0
    assert load.share(outcomes, lambda one: one.seconds > 75) == 0.25


def test_the_figures_of_a_part_make_one_table(tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTET_TEST_PART", "faults")
    figures = Figures()
    figures.note(scenario="C1", what="goodput", ours="99 %", stock="10 %", to_reach="≥ 90 %")
    figures.note(scenario="A6", what="livez", ours="3 ms", to_reach="< 200 ms")

    figures.write(tmp_path)

    written = (tmp_path / "figures-faults.md").read_text().splitlines()
    assert written[0].split() == [
        "|",
        "scenario",
        "|",
        "what",
        "|",
        "ours",
        "|",
        "stock",
        "|",
        "to",
        "reach",
        "|",
    ]
    assert [line.split()[1] for line in written[2:]] == ["A6", "C1"]
    assert len({len(line) for line in written}) == 1
