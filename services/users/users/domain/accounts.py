"""What happens to accounts: who gets one, what changes in it, and how it ends."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from prometheus_client import Counter

from quintet.errors import BusinessLogicException, NotFoundException, ValidationException
from quintet.telemetry.logs import get_logger
from users.clients import ValidationClient
from users.domain.sessions import end_sessions
from users.models import Profile, User, violated_constraint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REGISTRATIONS = Counter("user_registrations", "Users who registered themselves.")

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


def count_active() -> int:
    """Count the users who may log in."""
    return User.objects.active().count()
