"""What happens to accounts and logins."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from prometheus_client import Counter

from quintet import auth, conf
from quintet.errors import (
    AuthenticationException,
    BusinessLogicException,
    NotFoundException,
    ValidationException,
)
from quintet.telemetry.logs import get_logger
from users.clients import ValidationClient
from users.models import Profile, Session, User, violated_constraint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

STAFF_ROLE = "staff"

REGISTRATIONS = Counter("user_registrations", "Users who registered themselves.")
LOGINS = Counter("user_logins", "Attempts to log in, by their outcome.", ["status"])
REUSES = Counter("user_refresh_reuses", "Logins ended because a refresh token was used twice.")

log = get_logger(__name__)
validation = ValidationClient()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What somebody says about themselves to get an account."""

    username: str
    email: str
    first_name: str = ""
    last_name: str = ""
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a login is worth: a short-lived proof, and a token that buys the next one."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme, not a secret


class EmailTaken(BusinessLogicException):
    """Somebody has this e-mail address."""

    def __init__(self) -> None:
        super().__init__("A user with this e-mail address exists.", business_rule="unique_email")


class UsernameTaken(BusinessLogicException):
    """Somebody has this name."""

    def __init__(self) -> None:
        super().__init__("A user with this name exists.", business_rule="unique_username")


class Rejected(BusinessLogicException):
    """The validation service does not want this name or this address."""

    def __init__(self, reasons: list[dict[str, Any]]) -> None:
        super().__init__(
            "The name or the e-mail address was rejected.", business_rule="validation_rejected"
        )
        self.details["reasons"] = reasons


def register(asked: Registration) -> User:
    """Create an account and its profile, after another service has judged the names."""
    user = new_user(asked)
    require_acceptable(asked.username, asked.email)
    add(user)
    REGISTRATIONS.inc()
    log.info("user registered", user_id=user.pk)
    return user


def make_operator(asked: Registration) -> User:
    """Create a member of staff; whoever may call this may also choose a reserved name."""
    user = new_user(asked)
    user.clean_fields()
    user.is_staff = True
    add(user)
    log.info("operator created", user_id=user.pk)
    return user


def new_user(asked: Registration) -> User:
    """Build an account that is not saved yet; the slow hash is computed before any transaction."""
    user = User(
        username=asked.username,
        email=asked.email,
        first_name=asked.first_name,
        last_name=asked.last_name,
    )
    if asked.password is not None:
        require_strong(asked.password, user)
    user.set_password(asked.password)
    return user


def require_strong(password: str, user: User) -> None:
    """Refuse a password that is easy to guess for this user."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationException(
            "The password is too weak.", field_errors={"password": list(error.messages)}
        ) from None


def require_acceptable(username: str, email: str) -> None:
    """Ask the validation service; never within a transaction, since the answer may take long."""
    judgement = validation.judge(username, email)
    if not judgement.valid:
        codes = [reason.get("code") for reason in judgement.reasons]
        log.info("names rejected", reasons=codes)
        raise Rejected(judgement.reasons)


def add(user: User) -> None:
    """Save a new account together with its profile: both or neither."""
    with unique_names(user.email), transaction.atomic():
        user.save(force_insert=True)
        Profile.objects.create(user=user)


@contextmanager
def unique_names(email: str, *, but: int = 0) -> Iterator[None]:
    """Turn what the database says about a duplicate into the rule that was broken.

    Of two broken rules the one about the address is named, whichever the database met first. Its
    error quotes the personal data in question, so it is not kept as the cause.
    """
    try:
        yield
    except IntegrityError as error:
        match violated_constraint(error):
            case "unique_email":
                raise EmailTaken from None
            case "unique_username":
                others = User.objects.exclude(pk=but).addressed(email)
                raise (EmailTaken if others.exists() else UsernameTaken) from None
        raise


def change(user: User, changes: Mapping[str, Any]) -> User:
    """Change an account; new names are judged like those of a new account."""
    username, email = changes.get("username", user.username), changes.get("email", user.email)
    if (username, email) != (user.username, user.email):
        require_acceptable(username, email)
    write(user, **changes)
    log.info("user changed", user_id=user.pk, fields=sorted(changes))
    return user


def write(user: User, **columns: Any) -> None:
    """Write only these columns, so that two simultaneous changes of different ones both count."""
    email = columns.get("email", user.email)
    with unique_names(email, but=user.pk), transaction.atomic():
        found = User.objects.filter(pk=user.pk).update(**columns, updated_at=timezone.now())
    if not found:
        raise NotFoundException("This user was deleted.")
    user.refresh_from_db()


def change_profile(user: User, changes: Mapping[str, Any]) -> Profile:
    """Replace the given parts of a profile."""
    now = timezone.now()
    Profile.objects.filter(pk=user.pk).update(**changes, updated_at=now)
    log.info("profile changed", user_id=user.pk, fields=sorted(changes))
    return profile_of(user)


def profile_of(user: User) -> Profile:
    """Read the profile of a user, who may have left since they were found."""
    profile = Profile.objects.filter(pk=user.pk).first()
    if profile is None:
        raise NotFoundException("This user was deleted.")
    return profile


def activate(user: User) -> User:
    """Let a user log in again."""
    write(user, is_active=True)
    log.info("user activated", user_id=user.pk)
    return user


def deactivate(user: User) -> User:
    """Bar a user from logging in, and end every login that is still alive."""
    with transaction.atomic():
        write(user, is_active=False)
        end_sessions(user, timezone.now())
    log.info("user deactivated", user_id=user.pk)
    return user


def delete(user: User) -> None:
    """Remove an account with everything that belongs to it here.

    The row is locked first, so that no login can begin between its sessions and itself.
    """
    user_id = user.pk
    with transaction.atomic():
        User.objects.select_for_update().filter(pk=user_id).first()
        user.delete()
    log.info("user deleted", user_id=user_id)


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
    repeats the request with its key finds the row as it left it, and gets the same token again.
    """
    session_id, secret = parse(token)
    session = Session.objects.select_related("user").filter(pk=session_id).first()
    if session is None or not session.user.is_active:
        raise RefreshRefused
    now, fresh = timezone.now(), successor(secret, key)
    swapped = Session.objects.filter(
        pk=session.pk,
        digest__in=(digest(secret), digest(fresh)),
        revoked_at=None,
        expires_at__gt=now,
    ).update(digest=digest(fresh), rotated_at=now, expires_at=expiry(now, session.created_at))
    if not swapped:
        end_reused(session, now)
        raise RefreshRefused
    return tokens_for(session.user, session, fresh)


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


def end_sessions(user: User, now: datetime) -> None:
    """Revoke every family of a user."""
    Session.objects.filter(user=user, revoked_at=None).update(revoked_at=now)


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


def count_active() -> int:
    """Count the users who may log in."""
    return User.objects.active().count()
