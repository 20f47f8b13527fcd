"""The contract of this service as OpenAPI, and a page to read it and try it on."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from importlib import resources
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from quintet.errors import NotFoundException
from quintet.views.authority import Anyone
from quintet.views.functions import declares

if TYPE_CHECKING:
    from django.http import HttpRequest

_SIDECAR = "drf_spectacular_sidecar"
_ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_START = "start.js"
_SCRIPT = """"use strict";
window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "../openapi.json", dom_id: "#ui", deepLinking: true,
    persistAuthorization: false, validatorUrl: null
  });
});
"""
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API</title>
<link rel="stylesheet" href="swagger-ui.css">
<link rel="icon" href="favicon-32x32.png">
<div id="ui"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="start.js"></script>
</html>
"""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)
_ASSET_SECONDS = 86_400


@require_safe
@declares(Anyone)
def openapi(request: HttpRequest) -> HttpResponse:
    """Answer with the contract; it is generated once in a process."""
    return _conditional(request, _contract(), content_type="application/json")


@require_safe
@declares(Anyone)
def page(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Show the contract in a browser; every reference on the page is relative, for any prefix."""
    _require_sidecar()
    response = HttpResponse(_PAGE, content_type="text/html; charset=utf-8")
    response["Content-Security-Policy"] = _POLICY
    return response


@require_safe
@declares(Anyone)
def asset(request: HttpRequest, name: str) -> HttpResponse:
    """Serve one of the few files of the page, by its name on a list and never by a path."""
    if name == _START:
        return _conditional(
            request, _SCRIPT.encode(), content_type="text/javascript; charset=utf-8"
        )
    if name not in _ASSETS:
        raise NotFoundException
    _require_sidecar()
    response = _conditional(request, _asset(name), content_type=_ASSETS[name])
    response["Cache-Control"] = f"public, max-age={_ASSET_SECONDS}"
    return response


@cache
def _contract() -> bytes:
    # Not at the top: the generator is the heaviest import of all, and few processes are ever asked.
    from drf_spectacular.generators import SchemaGenerator

    schema: dict[str, Any] = cast("Any", SchemaGenerator)().get_schema(request=None, public=True)
    return json.dumps(schema, default=str).encode()


@cache
def _asset(name: str) -> bytes:
    folder = resources.files(_SIDECAR) / "static" / _SIDECAR / "swagger-ui-dist"
    return (folder / name).read_bytes()


@cache
def _tag(body: bytes) -> str:
    return f'"{sha256(body).hexdigest()[:32]}"'


def _require_sidecar() -> None:
    if find_spec(_SIDECAR) is None:
        raise NotFoundException("The documentation page is not installed: add quintet[docs].")


def _conditional(request: HttpRequest, body: bytes, *, content_type: str) -> HttpResponse:
    response = HttpResponse(body, content_type=content_type)
    response["ETag"] = _tag(body)
    answer = get_conditional_response(request, etag=response["ETag"], response=response)
    return cast("HttpResponse", answer)
