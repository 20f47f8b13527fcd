"""What every provider must do, asked of all three; and what the simulator does on purpose."""

from __future__ import annotations

import pytest
from cards import reference, told

from payments.clients import (
    Deed,
    MemoryBook,
    NoAnswer,
    Outcome,
    RecordingProvider,
    Simulator,
    TableBook,
    choice,
    standard_provider,
    use_provider,
)
from payments.clients import provider as spoken_to
from payments.models import SimulatorPage

DONE = Outcome(done=True)


@pytest.fixture(params=["tables", "memory", "recorded"])
def bank(request, db, naps):
    """Each provider that there is."""
    book = TableBook() if request.param == "tables" else MemoryBook()
    simulator = Simulator(book, timeout_seconds=2.0, slow_seconds=0.5, sleep=naps.append)
    return RecordingProvider(simulator) if request.param == "recorded" else simulator


def test_money_is_held_taken_and_returned(bank):
    for deed in (Deed.AUTHORISE, Deed.CAPTURE, Deed.REFUND):
        assert bank.execute(told(deed)) == DONE


def test_money_is_held_and_let_go(bank):
    bank.execute(told())

    assert bank.execute(told(Deed.VOID)) == DONE
    assert bank.execute(told(Deed.CAPTURE)) == Outcome(done=False, reason="not_held")


@pytest.mark.parametrize("deed", [Deed.CAPTURE, Deed.REFUND])
def test_a_repeated_instruction_is_answered_and_not_done_again(bank, deed):
    bank.execute(told())
    bank.execute(told(Deed.CAPTURE))

    assert bank.execute(told(deed)) == DONE
    assert bank.execute(told(deed)) == DONE


def test_a_refusal_is_repeated_as_well(bank):
    first = bank.execute(told(method="card-declined"))

    assert first == Outcome(done=False, reason="card_declined")
    assert bank.execute(told()) == first


def test_a_void_bars_what_comes_after_it(bank):
    assert bank.execute(told(Deed.VOID)) == DONE
    assert bank.execute(told()) == Outcome(done=False, reason="voided")


def test_nothing_is_taken_that_is_not_held(bank):
    bank.execute(told(amount=99))

    assert not bank.execute(told(Deed.CAPTURE, amount=100)).done


def test_no_more_is_returned_than_was_taken(bank):
    bank.execute(told())
    bank.execute(told(Deed.CAPTURE))

    assert bank.execute(told(Deed.REFUND, amount=101)) == Outcome(done=False, reason="not_captured")


def test_what_was_taken_cannot_be_let_go(bank):
    bank.execute(told())
    bank.execute(told(Deed.CAPTURE))

    assert bank.execute(told(Deed.VOID)) == Outcome(done=False, reason="captured")


def test_references_have_nothing_to_do_with_each_other(bank):
    bank.execute(told(Deed.VOID, "order-1"))

    assert bank.execute(told(Deed.AUTHORISE, "order-2")) == DONE


def test_an_unknown_card_is_refused(bank):
    assert bank.execute(told(method="card-wooden")).reason == "unknown_card"


def test_a_slow_card_takes_its_time(bank, naps):
    assert bank.execute(told(method="card-slow")) == DONE
    assert naps == [0.5]


def test_a_card_slower_than_anybody_waits_is_silent_and_answers_when_asked_again(naps):
    simulator = Simulator(MemoryBook(), timeout_seconds=2.0, slow_seconds=60.0, sleep=naps.append)

    with pytest.raises(NoAnswer):
        simulator.execute(told(method="card-slow"))

    assert simulator.execute(told(method="card-slow")) == DONE
    assert naps == [2.0, 2.0]


@pytest.mark.parametrize("deed", list(Deed))
@pytest.mark.parametrize("lost", [True, False])
def test_a_silent_card_answers_the_second_time(bank, naps, deed, lost):
    method = "card-timeout" if deed == Deed.AUTHORISE else f"card-{deed}-timeout"
    name = reference(deed, lost=lost)
    if deed in {Deed.CAPTURE, Deed.REFUND}:
        bank.execute(told(reference=name))
    if deed == Deed.REFUND:
        bank.execute(told(Deed.CAPTURE, name))

    with pytest.raises(NoAnswer):
        bank.execute(told(deed, name, method=method))

    assert naps == [2.0]
    assert bank.execute(told(deed, name, method=method)) == DONE


@pytest.mark.parametrize(("lost", "held"), [(True, 0), (False, 100)])
def test_nobody_can_tell_whether_a_silent_card_did_it(db, naps, lost, held):
    name = reference(Deed.AUTHORISE, lost=lost)
    simulator = Simulator(TableBook(), timeout_seconds=2.0, slow_seconds=0.5, sleep=naps.append)

    with pytest.raises(NoAnswer):
        simulator.execute(told(reference=name, method="card-timeout"))

    assert SimulatorPage.objects.get(reference=name).held == held


def test_the_standard_provider_is_the_simulator_on_its_table():
    made = standard_provider()

    assert isinstance(made.book, TableBook)
    assert (made.timeout_seconds, made.slow_seconds) == (2.0, 0.5)


def test_without_a_choice_the_standard_provider_is_spoken_to(provider):
    choice._chosen.clear()
    try:
        assert isinstance(spoken_to().book, TableBook)
    finally:
        choice._chosen.append(provider)


def test_the_innermost_choice_counts(provider):
    other = Simulator(MemoryBook(), timeout_seconds=1, slow_seconds=1)

    with use_provider(other):
        assert spoken_to() is other
    assert spoken_to() is provider


def test_a_page_says_whose_it_is(db):
    with TableBook().opened("order-1"):
        pass

    assert str(SimulatorPage.objects.get()) == "order-1"
