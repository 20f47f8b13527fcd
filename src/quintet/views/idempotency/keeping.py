"""Who may do the deed of a key, and what became of it: the statements on the table of the keys.

A key is claimed in a short transaction of its own, before anything is done, so that all others see
it. Each claim buries up to two keys that have expired: as many as come are gone again, and no job
has to be run for it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db import DatabaseError, connection, transaction
from django.db.models import DateTimeField, ExpressionWrapper, Q
from django.db.models.functions import Now

from quintet import conf
from quintet.errors import BusinessLogicException, ConflictException
from quintet.resilience import deadline
from quintet.telemetry.logs import get_logger
from quintet.views.idempotency.models import KeyRecord

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.db.models.expressions import Combinable

SHORTEST_LEASE_SECONDS: Final = 30.0
UNBOUNDED_LEASE_SECONDS: Final = 300.0
"""The lease where a request has no deadline."""
DEADLINES_PER_LEASE: Final = 3
AGAIN_SECONDS: Final = 1
BURIED_PER_CLAIM: Final = 2
SETTLING_SECONDS: Final = 2.0

log = get_logger("quintet.idempotency")


class KeyUnderWay(ConflictException):
    """Another attempt with the same key is at work, or was until a moment ago."""

    def __init__(self) -> None:
        """Say when to ask again."""
        super().__init__(
            "An attempt with this key is under way.",
            details={"retry_after_seconds": AGAIN_SECONDS},
        )


class KeyReused(BusinessLogicException):
    """The key came with another request before."""

    def __init__(self) -> None:
        """Name the rule, and nothing of the other request."""
        super().__init__(
            "This key was used for another request: make a new key for each deed.",
            business_rule="idempotency_key_reused",
        )


class Seen(NamedTuple):
    """The record of a key, and what the database makes of its times."""

    record: KeyRecord
    is_expired: bool
    is_free: bool


def claim(digest: str, fingerprint: str) -> KeyRecord:
    """Get the record of a key: either this process holds its lease now, or it has an answer.

    Raises:
        KeyUnderWay: somebody else holds the lease.
        KeyReused: the key belongs to a request with another fingerprint.
    """
    fresh = KeyRecord(
        digest=digest,
        fingerprint=fingerprint,
        lease_ends_at=_in(_lease_seconds()),
        expires_at=_in(conf.current().IDEMPOTENCY_SECONDS),
    )
    with transaction.atomic(durable=True):
        KeyRecord.objects.bulk_create([fresh], ignore_conflicts=True)
        seen = _look(digest)
        if seen.record.holder == fresh.holder:
            _bury()
            return seen.record
        return _taken_over(seen, fresh)


def answer(record: KeyRecord, *, status: int, headers: dict[str, str], body: bytes | None) -> None:
    """Keep the answer, though nobody may wait for it any more.

    Raises:
        KeyUnderWay: the lease was lost to another attempt; what can be undone has to be.
    """
    facts = {"lease_ends_at": None, "status": status, "headers": headers, "body": body}
    with deadline.granting(SETTLING_SECONDS):
        kept = _held(record).update(**facts)
    if not kept:
        raise KeyUnderWay


def give_back(record: KeyRecord, *, forget: bool) -> None:
    """Let the next attempt begin at once; with ``forget`` it may be another request.

    Where that cannot be written, the lease runs out by itself.
    """
    try:
        with deadline.granting(SETTLING_SECONDS):
            if forget:
                _held(record).delete()
            else:
                _held(record).update(lease_ends_at=Now())
    except DatabaseError as error:
        log.warning("idempotency key not given back", reason=type(error).__name__)


def _taken_over(seen: Seen, fresh: KeyRecord) -> KeyRecord:
    """What another attempt has left: its answer, its deed to go on with, or an expired key."""
    found = seen.record
    facts: dict[str, Any] = {}
    if seen.is_expired:
        facts |= {"deed": fresh.deed, "status": None, "headers": {}, "body": None}
        facts |= {"fingerprint": fresh.fingerprint, "expires_at": fresh.expires_at}
    elif found.fingerprint != fresh.fingerprint:
        raise KeyReused
    elif found.lease_ends_at is None:
        return found
    elif not seen.is_free:
        raise KeyUnderWay
    left = KeyRecord.objects.filter(digest=found.digest, holder=found.holder)
    if not left.update(holder=fresh.holder, lease_ends_at=fresh.lease_ends_at, **facts):
        raise KeyUnderWay
    return KeyRecord.objects.get(digest=found.digest)


def _look(digest: str) -> Seen:
    is_expired, is_free = Q(expires_at__lt=Now()), Q(lease_ends_at__lte=Now())
    rows = KeyRecord.objects.filter(digest=digest)
    found = rows.annotate(is_expired=is_expired, is_free=is_free).first()
    if found is None:  # it expired, and somebody has buried it just now
        raise KeyUnderWay
    return Seen(found, bool(found.is_expired), bool(found.is_free))


def _held(record: KeyRecord) -> QuerySet[KeyRecord]:
    return KeyRecord.objects.filter(
        digest=record.digest, holder=record.holder, lease_ends_at__isnull=False
    )


def _bury() -> None:
    skip_locked = connection.features.has_select_for_update_skip_locked
    dead = KeyRecord.objects.filter(expires_at__lt=Now()).order_by("expires_at")
    chosen = dead.select_for_update(skip_locked=skip_locked).values("digest")[:BURIED_PER_CLAIM]
    KeyRecord.objects.filter(digest__in=[row["digest"] for row in chosen]).delete()


def _in(seconds: float) -> Combinable:
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())


def _lease_seconds() -> float:
    allowed = conf.current().REQUEST_TIMEOUT_SECONDS
    if not allowed:
        return UNBOUNDED_LEASE_SECONDS
    return max(SHORTEST_LEASE_SECONDS, DEADLINES_PER_LEASE * allowed)
