from __future__ import annotations

import json
import uuid
from datetime import datetime

import pytest

from quintet import context
from quintet.events import envelope
from quintet.events.envelope import Malformed
from tests.events.happenings import Noticed, Placed, PlacedAgain

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ID = uuid.UUID("8e03978e-40d5-43e8-bc93-6894a57f9324")


@pytest.fixture
def written():
    found = context.Context(correlation_id="mine", trace_id=TRACE, sampled=True, tracestate="a=b")
    with context.running(found):
        return envelope.write(Placed(order_id=7, amount=3), event_id=ID, source="shop")


def changed(written, **facts):
    return json.dumps({**json.loads(written), **facts})


def test_an_event_is_a_cloud_event(written):
    told = json.loads(written)

    assert datetime.fromisoformat(told.pop("time")).tzinfo
    assert told.pop("traceparent").startswith(f"00-{TRACE}-")
    assert told == {
        "specversion": "1.0",
        "id": str(ID),
        "source": "/shop",
        "type": "shop.order.placed.v1",
        "subject": "7",
        "datacontenttype": "application/json",
        "partitionkey": "7",
        "correlationid": "mine",
        "tracestate": "a=b",
        "data": {"order_id": 7, "amount": 3},
    }


def test_what_is_written_can_be_read(written):
    found = envelope.read(written)

    assert found.id == ID
    assert envelope.data_of(found, Placed) == Placed(order_id=7, amount=3)


def test_a_reader_sees_only_what_it_has_declared(written):
    assert envelope.data_of(envelope.read(written), Noticed) == Noticed(order_id=7)


def test_the_context_comes_along(written):
    found = envelope.read(written).context()

    assert (found.trace_id, found.sampled, found.tracestate) == (TRACE, True, "a=b")


def test_a_context_that_nobody_can_trust_is_not_taken_over(written):
    found = envelope.read(changed(written, traceparent="x", correlationid="a b"))

    assert found.context().trace_id != TRACE


def test_an_event_without_a_context_gets_one(written):
    found = envelope.read(changed(written, traceparent="", correlationid="", tracestate=""))

    assert len(found.context().trace_id) == 32


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"id": 7}', "\udcff".encode(errors="surrogateescape"), b"\xff"]
)
def test_what_is_no_event_is_refused(body):
    with pytest.raises(Malformed, match="no CloudEvent"):
        envelope.read(body)


@pytest.mark.parametrize("facts", [{"specversion": "0.3"}, {"datacontenttype": "text/xml"}])
def test_an_event_of_another_kind_is_refused(written, facts):
    with pytest.raises(Malformed, match="is not read"):
        envelope.read(changed(written, **facts))


def test_an_attribute_that_nobody_knows_is_left_alone(written):
    assert envelope.read(changed(written, dataschema="https://example.com/")).id == ID


@pytest.mark.parametrize("data", [{}, {"order_id": "7"}, {"order_id": None}, [], None])
def test_data_that_its_reader_cannot_read_is_refused(written, data):
    with pytest.raises(Malformed, match="cannot be read as Placed"):
        envelope.data_of(envelope.read(changed(written, data=data)), Placed)


def test_an_event_without_data_is_refused_by_its_reader(written):
    told = json.loads(written)
    del told["data"]

    with pytest.raises(Malformed):
        envelope.data_of(envelope.read(json.dumps(told)), PlacedAgain)


def test_an_event_that_is_not_as_it_was_declared_is_not_written():
    with pytest.raises(TypeError, match=r"Placed is not as it was declared: .*order_id"):
        envelope.write(Placed(order_id="7"), event_id=ID, source="shop")


def test_an_event_that_is_too_long_is_not_written(monkeypatch):
    monkeypatch.setattr(envelope, "LONGEST_BODY_BYTES", 100)

    with pytest.raises(ValueError, match="100 are sent"):
        envelope.write(Placed(order_id=7), event_id=ID, source="shop")
