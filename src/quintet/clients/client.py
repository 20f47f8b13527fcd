"""Calls to one other service: its address from the settings, its errors as if raised here."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import orjson

from quintet import auth, conf, context, wire
from quintet.clients.paths import Params, judged, query
from quintet.clients.transport import current_transport
from quintet.errors import ExternalServiceException, Kind, ServiceException, from_envelope
from quintet.resilience import deadline
from quintet.telemetry import spent, traces
from quintet.telemetry.logs import get_logger

_OK = range(200, 300)
_WITHOUT_BODY = {204, 205}
_STAGE = "call"

log = get_logger("quintet.clients")


class ServiceClient:
    """Calls the service of this name: ``ServiceClient("users").get("/api/v1/users/7/")``.

    A subclass names its service once, in ``service``, and gives each call a name of its own. Every
    method returns the decoded JSON, ``None`` for an answer without a body, and raises the error
    that the other service raised.
    """

    service: ClassVar[str] = ""

    def __init__(self, name: str = "") -> None:
        self.name = name or self.service
        if not self.name:
            raise TypeError(
                f"{type(self).__name__} names no service: pass a name or set `service`."
            )

    def get(
        self, path: str, params: Params | None = None, *, timeout_seconds: float | None = None
    ) -> Any:
        return self._call("GET", path, params=params, timeout_seconds=timeout_seconds)

    def post(self, path: str, json: Any = None, *, timeout_seconds: float | None = None) -> Any:
        return self._call("POST", path, json=json, timeout_seconds=timeout_seconds)

    def put(self, path: str, json: Any = None, *, timeout_seconds: float | None = None) -> Any:
        return self._call("PUT", path, json=json, timeout_seconds=timeout_seconds)

    def patch(self, path: str, json: Any = None, *, timeout_seconds: float | None = None) -> Any:
        return self._call("PATCH", path, json=json, timeout_seconds=timeout_seconds)

    def delete(self, path: str, *, timeout_seconds: float | None = None) -> Any:
        return self._call("DELETE", path, timeout_seconds=timeout_seconds)

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Any = None,
        timeout_seconds: float | None = None,
    ) -> Any:
        env = conf.current()
        deadline.check(_STAGE)
        body = None if json is None else orjson.dumps(json)
        seconds = env.CLIENT_TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds
        seconds = deadline.bounded(seconds)
        with traces.span(f"{method} {self.name}", kind="client") as span:
            request = wire.Request(
                service=self.name,
                method=method,
                base_url=env.service_url(self.name),
                target=judged(path) + query(params),
                headers=self._headers(body, seconds),
                body=body,
                timeout_seconds=seconds,
            )
            return self._answer(request, span)

    def _answer(self, request: wire.Request, span: traces.Span) -> Any:
        path = request.target.partition("?")[0]
        if span.recording:
            span.describe(_where(request, path))
        started = time.perf_counter()
        try:
            response = current_transport().send(request)
            if span.recording:
                span.describe({"http.response.status_code": response.status})
            return self._result(response)
        except ServiceException as error:
            code = error.error_code
            log.info("call failed", target=self.name, method=request.method, path=path, code=code)
            if deadline.is_over():
                deadline.count(_STAGE)
            raise
        finally:
            spent.on_call(time.perf_counter() - started)

    def _headers(self, body: bytes | None, seconds: float) -> dict[str, str]:
        headers = {
            "Accept": "application/json",
            "User-Agent": f"quintet/{conf.current().SERVICE_NAME}",
            deadline.HEADER: deadline.to_header(seconds),
            **context.outgoing_headers(),
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
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


def _where(request: wire.Request, path: str) -> dict[str, str | int]:
    """What a span says of a call: the query stays out of it, since tokens travel there."""
    peer = wire.address(request.base_url)
    return {
        "http.request.method": request.method,
        "server.address": peer.host,
        "server.port": peer.port,
        "url.full": f"{peer.scheme}://{peer.host}:{peer.port}{peer.prefix}{path}",
        "peer.service": request.service,
    }
