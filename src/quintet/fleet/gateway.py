"""The gateway's configuration: what goes where, what stays inside, and its own errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quintet.fleet import docs_page, gateway_errors
from quintet.fleet.description import RESERVED, System

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Json = dict[str, Any]

BODY_LIMIT_BYTES = 10 * 1024 * 1024
CONNECT_SECONDS = 2
NOTICE_SECONDS = 0.25
"""How often each of several replicas is asked whether it is ready."""
READINESS = "/readyz"
ANSWER_SECONDS = 30
HEAD_SECONDS = 10
READ_SECONDS = 60
AHEAD_BYTES = 1024 * 1024
"""How much of a body is taken in before a service is asked: it gets the bodies of slow clients as
fast as those of others."""
IDLE_SECONDS = 120
GRACE_SECONDS = 5

CORRELATION = gateway_errors.CORRELATION
ZERO_TRACE = "^00-(0{32}-[0-9a-f]{16}|[0-9a-f]{32}-0{16})-"
TRACE = "^(00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2})$"
IDENTIFIER = "^([A-Za-z0-9._-]{1,64})$"
ACCESS_LOG = "http.log.access"
NOT_LOGGED = (
    r"(\?).*"
    r"|eyJ[\w-]{5,}\.[\w.-]+"
    r"|\b(?:[rs]k_(?:live|test)|gh[oprsu]|github_pat|glpat|xox[abeprs])[_-][\w-]{8,}"
    r"|\b(?:A[KS]IA[A-Z0-9]{16}|AIza[\w-]{30,})"
    r"|\b[2-6][0-9](?:(?:[ +-]|%20)?[0-9]){11,17}\b"
    r"|[\w.%+-]+(@|%40)"
)
"""In an address: the query, JSON web tokens, keys of services, cards, and whose an e-mail is. It is
what the services hide by its looks, as far as one expression without a check digit can tell."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)

NOT_FROM_CLIENTS = (
    "Connection",  # would name headers that the proxy drops, the gateway's own among them
    "Forwarded",
    "X-Forwarded-*",
    "X-Real-Ip",
    "X-User-*",
    "X-Internal-*",
    "X-Request-Timeout-Ms",  # a service that calls is believed, and its answer counts as ours
    "*_*",  # WSGI cannot tell X_User_Id from X-User-Id
)


def configuration(
    system: System,
    *,
    listen: str,
    upstreams: Mapping[str, Sequence[str]],
    docs: str,
    swagger: str,
) -> Json:
    """Return Caddy's configuration; ``upstreams`` are the addresses of the replicas by service."""
    routes = [
        *_correlation(),
        {"handle": [_request_headers(), *_response_headers()]},
        _blocked(),
        *_documentation(upstreams, docs=docs, swagger=swagger),
        *_services(system, upstreams),
        {"handle": [_error(404)]},
    ]
    server = {
        "listen": [listen],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "read_header_timeout": f"{HEAD_SECONDS}s",
        "read_timeout": f"{READ_SECONDS}s",
        "idle_timeout": f"{IDLE_SECONDS}s",
        "routes": routes,
        "errors": {"routes": gateway_errors.routes()},
        "logs": {},
    }
    http = {"grace_period": f"{GRACE_SECONDS}s", "servers": {"gateway": server}}
    return {"logging": _logging(), "apps": {"http": http}}


def _correlation() -> Iterator[Json]:
    """A valid trace first, then a valid identifier, then a new one; the services get the same."""
    traced = {
        "header_regexp": {"Traceparent": {"name": "trace", "pattern": TRACE}},
        "not": [{"header_regexp": {"Traceparent": {"name": "zero", "pattern": ZERO_TRACE}}}],
    }
    identified = {"header_regexp": {"X-Correlation-Id": {"name": "given", "pattern": IDENTIFIER}}}
    drop = {"handler": "headers", "request": {"delete": ["Traceparent", "Tracestate"]}}
    single = {
        "handler": "headers",
        "request": {"set": {"Traceparent": ["{http.regexp.trace.1}"]}},
    }
    yield gateway_errors.numbered()
    yield {"match": [identified], "handle": [_keep("{http.regexp.given.1}")]}
    yield {"match": [traced], "handle": [_keep("{http.regexp.trace.2}"), single]}
    yield {"match": [{"not": [traced]}], "handle": [drop]}


def _keep(identifier: str) -> Json:
    return {"handler": "vars", "correlation_id": identifier}


def _request_headers() -> Json:
    return {
        "handler": "headers",
        "request": {
            "delete": list(NOT_FROM_CLIENTS),
            "set": {"X-Correlation-Id": [CORRELATION]},
        },
    }


def _response_headers() -> list[Json]:
    return [
        {"handler": "headers", "response": {"deferred": True, "delete": ["Server", "Via"]}},
        gateway_errors.LOGGED,
    ]


def _blocked() -> Json:
    inside = [prefix for prefix in RESERVED if prefix != "/docs"]
    return {"match": [{"path": _prefixes(inside)}], "handle": [_error(404)]}


def _documentation(
    upstreams: Mapping[str, Sequence[str]], *, docs: str, swagger: str
) -> Iterator[Json]:
    yield {
        "match": [{"path": ["/docs"]}],
        "handle": [_redirect("/docs/")],
    }
    yield {
        "match": [{"path": ["/docs/", f"/docs/{docs_page.SCRIPT}"]}],
        "handle": [_strip("/docs"), _safe(), _files(docs)],
    }
    yield {
        "match": [{"path": ["/docs/swagger/*"]}],
        "handle": [_strip("/docs/swagger"), _safe(), _files(swagger)],
    }
    for name, replicas in upstreams.items():
        yield {
            "match": [{"path": [f"/docs/{name}/openapi.json"]}],
            "handle": [_rewrite("/openapi.json"), _proxy(replicas)],
        }
        yield {
            "match": [{"path": [f"/docs/{name}/start.js"]}],
            "handle": [_rewrite(f"/{docs_page.SERVICE_SCRIPT}"), _safe(), _files(docs)],
        }
        yield {
            "match": [{"path": [f"/docs/{name}/*"]}],
            "handle": [_strip(f"/docs/{name}"), _prefix_with("/docs"), _proxy(replicas)],
        }
        yield {"match": [{"path": [f"/docs/{name}"]}], "handle": [_redirect(f"/docs/{name}/")]}


def _services(system: System, upstreams: Mapping[str, Sequence[str]]) -> Iterator[Json]:
    """Longer prefixes first, so that the most precise one wins whatever the order in the file."""
    pairs = [(route, name) for name, service in system.services.items() for route in service.routes]
    for route, name in sorted(pairs, key=lambda pair: (-len(pair[0]), pair[0])):
        limit = {"handler": "request_body", "max_size": BODY_LIMIT_BYTES}
        yield {
            "match": [{"path": _prefixes([route])}],
            "handle": [limit, _proxy(upstreams[name])],
        }


def _proxy(replicas: Sequence[str]) -> Json:
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": replica} for replica in replicas],
        "request_buffers": AHEAD_BYTES,
        **(_balancing() if len(replicas) > 1 else {}),
        "transport": {
            "protocol": "http",
            "dial_timeout": f"{CONNECT_SECONDS}s",
            "response_header_timeout": f"{ANSWER_SECONDS}s",
        },
    }


def _balancing() -> Json:
    """Send nothing to a replica that drains, and again only what cannot have had an effect.

    Caddy repeats a GET, and anything else only when there was no connection to send it on.
    """
    ready = {
        "uri": READINESS,
        "interval": f"{NOTICE_SECONDS}s",
        "timeout": f"{CONNECT_SECONDS}s",
        "expect_status": 200,
    }
    return {
        "health_checks": {"active": ready},
        "load_balancing": {
            "selection_policy": {"policy": "least_conn"},
            "try_duration": f"{CONNECT_SECONDS}s",
            "try_interval": "50ms",
        },
    }


def _prefixes(routes: Sequence[str]) -> list[str]:
    return [pattern for route in routes for pattern in (route, f"{route}/*")]


def _error(status: int) -> Json:
    return {"handler": "error", "status_code": status}


def _redirect(target: str) -> Json:
    return {"handler": "static_response", "status_code": 308, "headers": {"Location": [target]}}


def _strip(prefix: str) -> Json:
    return {"handler": "rewrite", "strip_path_prefix": prefix}


def _rewrite(uri: str) -> Json:
    return {"handler": "rewrite", "uri": uri}


def _prefix_with(prefix: str) -> Json:
    return {"handler": "rewrite", "uri": f"{prefix}{{http.request.uri.path}}"}


def _safe() -> Json:
    """Headers of our own files; a condition that fails would be answered without an envelope."""
    headers = {"Content-Security-Policy": [CONTENT_POLICY], "X-Content-Type-Options": ["nosniff"]}
    conditions = ["Range", "If-Match", "If-Unmodified-Since"]
    return {
        "handler": "headers",
        "request": {"delete": conditions},
        "response": {"set": headers},
    }


def _files(root: str) -> Json:
    return {"handler": "file_server", "root": root, "index_names": ["index.html"]}


def _logging() -> Json:
    """JSON to standard error, without headers and what carries secrets in addresses."""
    hidden = {"filter": "delete"}
    fields = {
        "request>headers": hidden,
        "request>tls": hidden,
        "resp_headers": hidden,
        "request>uri": {"filter": "regexp", "regexp": NOT_LOGGED, "value": "${1}…${2}"},
    }
    encoder = {
        "format": "filter",
        "wrap": {"format": "json", "time_key": "timestamp", "time_format": "rfc3339_nano"},
        "fields": fields,
    }
    access = {"level": "INFO", "include": [ACCESS_LOG], "encoder": encoder}
    rest = {"level": "WARN", "exclude": [ACCESS_LOG, "admin"], "encoder": encoder}
    return {"logs": {"access": access, "default": rest}}
