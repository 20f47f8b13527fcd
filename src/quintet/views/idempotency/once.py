"""``@idempotent``: a handler of DRF that has one effect for all attempts with one key."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import wraps
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from uuid import UUID, uuid4

from django.db import transaction
from django.http import HttpResponse
from prometheus_client import Counter

from quintet.auth import principal_of
from quintet.errors import AuthenticationException, ConflictException
from quintet.views.errors import settle
from quintet.views.idempotency import DECLARED, REPLAYED_HEADER, keeping
from quintet.views.idempotency.keys import key_of, refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from rest_framework.request import Request
    from rest_framework.views import APIView

    from quintet.views.idempotency.models import KeyRecord

LONGEST_BODY_BYTES: Final = 64 * 1024
"""Longer answers are not kept: the deed is, and who repeats it is told that it was done."""

KEYS = Counter(
    "idempotency_keys_total",
    "Requests with a key, by what became of them: new, replayed, under_way or reused.",
    ["outcome"],
)

_DEED = "quintet_deed"
_DIGEST_BYTES = 16
_KEPT_HEADERS = ("Content-Type", "Location", "ETag", "Cache-Control", "Vary")
_FIRST_ERROR = 400
_MALFORMED, _AGAINST_A_RULE = 400, 422

H = TypeVar("H", bound="Callable[..., Any]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a handler asks for."""

    required: bool
    atomic: bool


def idempotent(*, required: bool = True, atomic: bool = True) -> Callable[[H], H]:
    """Do what the handler does once for all requests of a caller that carry the same key.

    The handler runs in one transaction, and its answer is kept in the same: whatever is killed,
    either both happened or neither. With ``atomic=False`` it commits by itself, or asks other
    services; then ``deed_of(request)`` is the name that all attempts have in common, and its domain
    has to find by it what an earlier attempt has done. Unless ``required``, a request without a key
    is answered as if there were none.

    The answer is kept if it is a success, or a refusal by a rule (422); after any other the same
    request may be sent again with the same key. A caller without a token is refused.
    """
    declared = Declared(required=required, atomic=atomic)

    def decorate(handler: H) -> H:
        @wraps(handler)
        def once(view: APIView, request: Request, *args: Any, **kwargs: Any) -> Any:
            key = _required(request) if required else key_of(request)
            if key is None:
                return handler(view, request, *args, **kwargs)
            record = _claimed(request, key)
            if record.status is not None:
                return _replayed(record)
            setattr(request, _DEED, record.deed)
            return _Attempt(view, record, declared).run(
                lambda: handler(view, request, *args, **kwargs)
            )

        setattr(once, DECLARED, declared)
        return cast("H", once)

    return decorate


def deed_of(request: Request) -> UUID:
    """The name of what is asked for: the same for all attempts with a key, and for nothing else.

    A request without a key is a deed of its own.
    """
    found: UUID | None = getattr(request, _DEED, None)
    if found is None:
        found = uuid4()
        setattr(request, _DEED, found)
    return found


def _required(request: Request) -> str:
    key = key_of(request)
    if key is None:
        raise refused("This request is done once for each key: send one, such as a random UUID.")
    return key


def _claimed(request: Request, key: str) -> KeyRecord:
    principal = principal_of(request)
    if not principal.is_authenticated:
        raise AuthenticationException
    asked = request._request  # noqa: SLF001 - DRF names no other way to Django's request
    route = asked.resolver_match.route if asked.resolver_match else asked.path
    digest = _digest(principal.kind, principal.subject, str(request.method), route, key)
    fingerprint = _digest(asked.get_full_path(), asked.content_type or "", asked.body)
    try:
        record = keeping.claim(digest, fingerprint)
    except keeping.KeyUnderWay:
        KEYS.labels("under_way").inc()
        raise
    except keeping.KeyReused:
        KEYS.labels("reused").inc()
        raise
    KEYS.labels("new" if record.status is None else "replayed").inc()
    return record


def _digest(*parts: str | bytes) -> str:
    """One word for several; each is told apart from the next by its length."""
    hashed = blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode(errors="surrogatepass")
        hashed.update(b"%d:" % len(raw) + raw)
    return hashed.hexdigest()


class _Attempt:
    """One run of the handler, and what is written down of its end."""

    def __init__(self, view: APIView, record: KeyRecord, declared: Declared) -> None:
        self._view, self._record, self._declared = view, record, declared

    def run(self, handler: Callable[[], Any]) -> Any:
        try:
            with self._transaction():
                response = self._rendered(handler())
                self._settle(response)
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes an answer
            response = self._rendered(self._view.handle_exception(error))
            self._settle(response)
        return response

    def _transaction(self) -> AbstractContextManager[Any]:
        return transaction.atomic(durable=True) if self._declared.atomic else nullcontext()

    def _rendered(self, response: Any) -> Any:
        finished = self._view.finalize_response(self._view.request, response)
        if hasattr(finished, "render"):
            finished.render()
        return finished

    def _settle(self, response: Any) -> None:
        status = response.status_code
        if status >= _FIRST_ERROR and status != _AGAINST_A_RULE:
            keeping.give_back(self._record, forget=status == _MALFORMED)
            return
        body = b"" if response.streaming else response.content
        fits = not response.streaming and len(body) <= LONGEST_BODY_BYTES
        keeping.answer(
            self._record,
            status=status,
            headers={name: response[name] for name in _KEPT_HEADERS if name in response},
            body=body if fits else None,
        )


def _replayed(record: KeyRecord) -> HttpResponse:
    if record.body is None:
        raise ConflictException("This was done before; its answer was too long to be kept.")
    response = HttpResponse(bytes(record.body), status=record.status)
    for name, value in record.headers.items():
        response[name] = value
    response[REPLAYED_HEADER] = "true"
    return settle(response)
