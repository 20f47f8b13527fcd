"""Calls to one other service: its address from the settings, its errors as if raised here."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, Unpack

import orjson

from quintet import auth, conf, context, wire
from quintet.clients import meter
from quintet.clients.dependencies import dependency
from quintet.clients.paths import Params, judged, query
from quintet.clients.pipeline import Pipeline, Plan
from quintet.clients.policy import Policy
from quintet.clients.transport import current_transport
from quintet.errors import ExternalServiceException, Kind, ServiceException, from_envelope
from quintet.resilience import deadline
from quintet.telemetry import spent, traces
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from quintet.resilience.latency import Percentile

LONGEST_KEY = 255

_OK = range(200, 300)
_WITHOUT_BODY = {204, 205}
_SAFE = {"GET"}
_STAGE = "call"

log = get_logger("quintet.clients")


class Options(TypedDict, total=False):
    """What a call that changes something may ask for besides."""

    timeout_seconds: float | None
    idempotency_key: str | None


class ServiceClient:
    """Calls the service of this name: ``ServiceClient("users").get("/api/v1/users/7/")``.

    A subclass names its service once, in ``service``, and gives each call a name of its own. Every
    method returns the decoded JSON, ``None`` for an answer without a body, and raises the error
    that the other service raised.

    A GET is repeated when nobody answered, and so is what carries an ``idempotency_key``, a word
    that is the same for all attempts of one deed; nothing else is. ``policy`` has the numbers that
    differ from the settings.
    """

    service: ClassVar[str] = ""
    policy: ClassVar[Policy] = Policy()

    def __init__(self, name: str = "") -> None:
        self.name = name or self.service
        if not self.name:
            raise TypeError(
                f"{type(self).__name__} names no service: pass a name or set `service`."
            )

    def get(
        self, path: str, params: Params | None = None, *, timeout_seconds: float | None = None
    ) -> Any:
        return self._call("GET", path, query=query(params), timeout_seconds=timeout_seconds)

    def post(self, path: str, json: Any = None, **options: Unpack[Options]) -> Any:
        return self._call("POST", path, json=json, **options)

    def put(self, path: str, json: Any = None, **options: Unpack[Options]) -> Any:
        return self._call("PUT", path, json=json, **options)

    def patch(self, path: str, json: Any = None, **options: Unpack[Options]) -> Any:
        return self._call("PATCH", path, json=json, **options)

    def delete(self, path: str, **options: Unpack[Options]) -> Any:
        return self._call("DELETE", path, **options)

    def _call(  # noqa: PLR0913 - what a call is made of
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        json: Any = None,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        deadline.check(_STAGE)
        env = conf.current()
        numbers = self.policy.effective(env)
        if timeout_seconds is not None:
            numbers = replace(numbers, timeout_seconds=timeout_seconds)
        with traces.span(f"{method} {self.name}", kind="client") as span:
            outgoing = _Outgoing(
                service=self.name,
                method=method,
                target=judged(path) + query,
                headers=self._headers(has_body=json is not None, key=idempotency_key),
                body=None if json is None else orjson.dumps(json),
            )
            plan = Plan(
                base_urls=env.service_urls(self.name),
                build=outgoing.within,
                repeatable=method in _SAFE or idempotency_key is not None,
                usual=self._usual() if method in _SAFE and numbers.hedged else None,
                numbers=numbers,
            )
            try:
                return self._answer(plan, span, method=method, path=path)
            finally:
                if span.recording:
                    span.describe(outgoing.described(plan.base_urls[0], path))

    def _usual(self) -> Percentile:
        return dependency(self.name).usual(type(self))

    def _answer(self, plan: Plan, span: traces.Span, *, method: str, path: str) -> Any:
        started = time.perf_counter()
        try:
            response = Pipeline(dependency(self.name), current_transport()).run(plan)
            if span.recording:
                span.describe({"http.response.status_code": response.status})
            result = self._result(response)
        except ServiceException as error:
            error.origin, code = self.name, error.error_code
            log.info("call failed", target=self.name, method=method, path=path, code=code)
            if deadline.is_over():
                deadline.count(_STAGE)
            meter.record(self.name, time.perf_counter() - started, error=error)
            raise
        finally:
            spent.on_call(time.perf_counter() - started)
        meter.record(self.name, time.perf_counter() - started)
        return result

    def _headers(self, *, has_body: bool, key: str | None) -> dict[str, str]:
        headers = {
            "Accept": "application/json",
            "User-Agent": f"quintet/{conf.current().SERVICE_NAME}",
            **context.outgoing_headers(),
        }
        if has_body:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = _fit(key)
        if (token := auth.service_token(self.name)) is not None:
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def _result(self, response: wire.Response) -> Any:
        if response.status in _OK:
            return None if response.status in _WITHOUT_BODY else self._decoded(response)
        try:
            payload = orjson.loads(response.body)
        except orjson.JSONDecodeError:
            payload = None
        error = from_envelope(payload, status=response.status, service=self.name)
        if error.kind is Kind.UNAUTHENTICATED:
            # The token was this service's own: whoever called this service is not to blame for it.
            raise self._failed("refused this service's token", response.status) from error
        raise error

    def _decoded(self, response: wire.Response) -> Any:
        try:
            return orjson.loads(response.body)
        except orjson.JSONDecodeError as error:
            raise self._failed("answered with what is no JSON", response.status) from error

    def _failed(self, why: str, status: int) -> ExternalServiceException:
        return ExternalServiceException(
            f"{self.name} {why}.", service_name=self.name, status_code=status
        )


def _fit(key: str) -> str:
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise ValueError(
            f"An idempotency key is 1 to {LONGEST_KEY} printable characters of ASCII, not {key!r}: "
            "take the id of the deed, or make one with uuid.uuid4() and keep it."
        )
    return key


class _Outgoing:
    """What is the same for all attempts of a call."""

    __slots__ = ("body", "called", "headers", "method", "service", "target")

    def __init__(
        self,
        *,
        service: str,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes | None,
    ) -> None:
        self.service, self.method, self.target = service, method, target
        self.headers, self.body = headers, body
        self.called = ""

    def within(self, base_url: str, seconds: float) -> wire.Request:
        """The request of one attempt; it tells the other service how long somebody waits for it."""
        self.called = base_url
        return wire.Request(
            service=self.service,
            method=self.method,
            base_url=base_url,
            target=self.target,
            headers={deadline.HEADER: deadline.to_header(seconds), **self.headers},
            body=self.body,
            timeout_seconds=seconds,
        )

    def described(self, base_url: str, path: str) -> dict[str, str | int]:
        """What a span says of a call, or of one to ``base_url`` that was not made.

        The query stays out of it, since tokens travel there.
        """
        peer = wire.address(self.called or base_url)
        return {
            "http.request.method": self.method,
            "server.address": peer.host,
            "server.port": peer.port,
            "url.full": f"{peer.scheme}://{peer.host}:{peer.port}{peer.prefix}{path}",
            "peer.service": self.service,
        }
