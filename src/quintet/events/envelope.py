"""CloudEvents 1.0 in their structured JSON: what stands around the data of an event.

Beside the attributes of the specification there are those of its extensions for distributed tracing
and partitioning, and ``correlationid``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID  # noqa: TC003 - msgspec reads the annotations when it decodes

import msgspec

from quintet import context
from quintet.events.declared import decoder_of, key_of

if TYPE_CHECKING:
    from quintet.events.declared import E, Event

LONGEST_BODY_BYTES: Final = 256 * 1024
"""All brokers take that much; what is larger belongs into a store, and its address into an event"""
SPECIFICATION: Final = "1.0"
JSON: Final = "application/json"


class Malformed(ValueError):
    """What came is no event, or not one that its reader can read."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event on its way; the data is read later, by whoever knows its class."""

    specversion: str
    id: UUID
    source: str
    type: str
    subject: str = ""
    time: datetime | None = None
    datacontenttype: str = ""
    partitionkey: str = ""
    correlationid: str = ""
    traceparent: str = ""
    tracestate: str = ""
    data: msgspec.Raw = msgspec.Raw()

    def context(self) -> context.Context:
        """What travels with the event, or a new context if it says nothing that can be trusted."""
        given = {"traceparent": self.traceparent, "tracestate": self.tracestate}
        given["x-correlation-id"] = self.correlationid
        return context.from_headers({name: value for name, value in given.items() if value})


_encoder = msgspec.json.Encoder()
_envelopes = msgspec.json.Decoder(Envelope)


def write(event: Event, *, event_id: UUID, source: str) -> str:
    """Put an event into its envelope, with the context that is bound here.

    Raises:
        TypeError: A field has another type than the class says.
        ValueError: The event is longer than 256 KiB, or its key is none.
    """
    data = _encoder.encode(event)
    _held_to_its_types(event, data)
    key, going = key_of(event), context.outgoing_headers()
    body = _encoder.encode(
        Envelope(
            specversion=SPECIFICATION,
            id=event_id,
            source=f"/{source}",
            type=event.type(),
            subject=key,
            time=datetime.now(UTC),
            datacontenttype=JSON,
            partitionkey=key,
            correlationid=going.get(context.CORRELATION_HEADER, ""),
            traceparent=going.get(context.TRACE_HEADER, ""),
            tracestate=going.get(context.STATE_HEADER, ""),
            data=msgspec.Raw(data),
        )
    )
    if len(body) > LONGEST_BODY_BYTES:
        raise ValueError(
            f"{event.name} is {len(body)} bytes long, and {LONGEST_BODY_BYTES} are sent: keep what "
            "is large elsewhere, and say in the event where."
        )
    return body.decode()


def read(body: str | bytes) -> Envelope:
    """Read an envelope; raises ``Malformed`` for anything else."""
    try:
        envelope = _envelopes.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"This is no CloudEvent: {error}") from error
    if envelope.specversion != SPECIFICATION or envelope.datacontenttype not in {"", JSON}:
        raise Malformed(
            f"specversion {envelope.specversion!r} with {envelope.datacontenttype!r} is not read."
        )
    return envelope


def data_of(envelope: Envelope, cls: type[E]) -> E:
    """Read the data as its reader wants it; raises ``Malformed`` when it is something else."""
    try:
        return decoder_of(cls).decode(envelope.data)
    except msgspec.DecodeError as error:
        raise Malformed(f"{envelope.type} cannot be read as {cls.__name__}: {error}") from error


def _held_to_its_types(event: Event, data: bytes) -> None:
    try:
        decoder_of(type(event)).decode(data)
    except msgspec.ValidationError as error:
        raise TypeError(f"{type(event).__name__} is not as it was declared: {error}") from error
