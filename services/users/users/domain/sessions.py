"""What happens to logins, and to the tokens that they bring."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone
from django.utils.crypto import salted_hmac
from prometheus_client import Counter

from quintet import auth, conf
from quintet.errors import AuthenticationException
from quintet.telemetry.logs import get_logger
from users.models import Session, User

if TYPE_CHECKING:
    from datetime import datetime

STAFF_ROLE = "staff"

ANSWER_LOST: Final = timedelta(seconds=60)
"""How long after a refresh its answer may have been lost, so that it is repeated."""

LOGINS = Counter("user_logins", "Attempts to log in, by their outcome.", ["status"])
REUSES = Counter("user_refresh_reuses", "Logins ended because a refresh token was used twice.")

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a login is worth: a short-lived proof, and a token that buys the next one."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme, not a secret


class LoginRefused(AuthenticationException):
    """The answer to every login that fails, whatever the reason."""

    def __init__(self) -> None:
        super().__init__("The username or the password is wrong.")


class RefreshRefused(AuthenticationException):
    """The refresh token is unknown, used, expired or revoked; which one is nobody's business."""

    def __init__(self) -> None:
        super().__init__("The refresh token is not valid.")


def log_in(username: str, password: str) -> Tokens:
    """Exchange a name and a password for tokens, with the same work for unknown and known names."""
    user = User.objects.named(username).first()
    try:
        tokens = open_session(proven(user, password))
    except LoginRefused:
        LOGINS.labels(status="failure").inc()
        log.warning("login refused", user_id=user.pk if user else None)
        raise
    LOGINS.labels(status="success").inc()
    log.info("user logged in", user_id=user.pk if user else None)
    return tokens


def account_of(username: str) -> str:
    """Tell whose password is tried: one word for all spellings that the database takes as one."""
    user_id = User.objects.named(username).values_list("pk", flat=True).first()
    return f"unknown {username.lower()}" if user_id is None else f"user {user_id}"


def proven(user: User | None, password: str) -> User:
    """Return the user if the password is theirs; without a user, work as if there were one."""
    correct = (user or User()).check_password(password)
    if user is None or not correct or not user.is_active:
        raise LoginRefused
    return user


def open_session(user: User) -> Tokens:
    """Begin a family of refresh tokens, unless the user was barred or deleted meanwhile."""
    now, secret = timezone.now(), secrets.token_urlsafe(32)
    with transaction.atomic():
        if not User.objects.active().filter(pk=user.pk).update(last_login=now):
            raise LoginRefused
        session = Session.objects.create(
            user=user,
            digest=digest(secret),
            created_at=now,
            rotated_at=now,
            expires_at=expiry(now, now),
        )
    return tokens_for(user, session, secret)


def refresh(token: str, *, key: str | None = None) -> Tokens:
    """Exchange a refresh token, once; whoever shows it again ends the whole family.

    The row is compared and swapped in a single statement on a single table, so of two simultaneous
    uses exactly one succeeds, on every database and without a lock. Whoever lost the answer and
    soon repeats the request with its key finds the row as it left it, gets the same token again,
    and leaves the row as it is.
    """
    session_id, secret = parse(token)
    session = Session.objects.select_related("user").filter(pk=session_id).first()
    if session is None or not session.user.is_active:
        raise RefreshRefused
    now, fresh = timezone.now(), successor(secret, key)
    unused = Q(digest=digest(secret))
    repeated = Q(digest=digest(fresh), rotated_at__gt=now - ANSWER_LOST)
    swapped = Session.objects.filter(
        unused | repeated, pk=session.pk, revoked_at=None, expires_at__gt=now
    ).update(
        digest=digest(fresh),
        rotated_at=_moved(unused, "rotated_at", now),
        expires_at=_moved(unused, "expires_at", expiry(now, session.created_at)),
    )
    if not swapped:
        end_reused(session, now)
        raise RefreshRefused
    return tokens_for(session.user, session, fresh)


def _moved(when: Q, column: str, at: datetime) -> Case:
    """A time of those rows for which something holds; the others keep theirs."""
    return Case(When(when, then=Value(at)), default=F(column))


def successor(secret: str, key: str | None) -> str:
    """The secret after this one: of chance, or the same for every repetition with one key.

    The key of this service goes in as well: whoever found an old token cannot compute the next.
    """
    if key is None:
        return secrets.token_urlsafe(32)
    return salted_hmac("users.refresh", f"{secret}\n{key}", algorithm="sha256").hexdigest()


def end_reused(session: Session, now: datetime) -> None:
    """End a login of which an old token was shown; nothing is left to end of one that is over.

    The id stays out of the log: whoever knows it can end the login.
    """
    alive = Session.objects.filter(pk=session.pk, revoked_at=None, expires_at__gt=now)
    if alive.update(revoked_at=now):
        REUSES.inc()
        log.warning(
            "refresh token was used twice",
            user_id=session.user_id,
            logged_in_at=session.created_at.isoformat(),
        )


def revoke(token: str) -> None:
    """End the login that a refresh token belongs to; an unknown token has nothing left to end."""
    try:
        session_id, _ = parse(token)
    except RefreshRefused:
        return
    end_session(session_id, timezone.now())


def end_session(session_id: uuid.UUID, now: datetime) -> None:
    """Revoke one family of tokens."""
    Session.objects.filter(pk=session_id, revoked_at=None).update(revoked_at=now)


def log_out_everywhere(user: User) -> int:
    """End every login of a user, who may log in again, and count them."""
    ended = end_sessions(user, timezone.now())
    log.info("user logged out everywhere", user_id=user.pk, logins=ended)
    return ended


def log_out_everybody() -> int:
    """End every login there is, and count them."""
    now = timezone.now()
    ended = Session.objects.filter(revoked_at=None, expires_at__gt=now).update(revoked_at=now)
    log.warning("everybody was logged out", logins=ended)
    return ended


def end_sessions(user: User, now: datetime) -> int:
    """Revoke every family of a user, and count those that were not over."""
    alive = Session.objects.filter(user=user, revoked_at=None, expires_at__gt=now)
    return alive.update(revoked_at=now)


def prune_sessions(now: datetime) -> int:
    """Remove logins that can never be refreshed again, and count them."""
    expired = Session.objects.filter(expires_at__lte=now)
    revoked = Session.objects.filter(revoked_at__isnull=False)
    return (expired | revoked).delete()[0]


def tokens_for(user: User, session: Session, secret: str) -> Tokens:
    """Sign an access token and join it with the secret of the session."""
    lifetime: int = environment().ACCESS_TOKEN_SECONDS
    roles = {STAFF_ROLE} if user.is_staff else set()
    access = auth.issue_user_token(user.pk, roles=roles, lifetime_seconds=lifetime)
    return Tokens(access=access, refresh=f"{session.pk.hex}.{secret}", expires_in=lifetime)


def expiry(now: datetime, began_at: datetime) -> datetime:
    """Say until when a token waits: not longer than one refresh, nor than the whole login."""
    env = environment()
    return min(
        now + timedelta(seconds=env.REFRESH_TOKEN_SECONDS),
        began_at + timedelta(seconds=env.SESSION_SECONDS),
    )


def parse(token: str) -> tuple[uuid.UUID, str]:
    """Split a refresh token into the id of its family and its secret."""
    family, _, secret = token.partition(".")
    try:
        return uuid.UUID(hex=family), secret
    except ValueError:
        raise RefreshRefused from None


def digest(secret: str) -> str:
    """Fingerprint a secret of 256 random bits; so much chance needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def environment() -> Any:
    """Give the settings, of which only ``settings.py`` knows the exact class."""
    return conf.current()
