"""The API documentation of the whole system: one Swagger UI over the documents of all services."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quintet.fleet.description import System

SCRIPT = "system.js"
SERVICE_SCRIPT = "service.js"

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: API</title>
<link rel="stylesheet" href="/docs/swagger/swagger-ui.css">
<link rel="icon" href="/docs/swagger/favicon-32x32.png">
</head>
<body>
<div id="ui"></div>
<noscript><p>The documents are at: {links}</p></noscript>
<script src="/docs/swagger/swagger-ui-bundle.js"></script>
<script src="/docs/swagger/swagger-ui-standalone-preset.js"></script>
<script src="/docs/system.js"></script>
</body>
</html>
"""

SYSTEM = """window.ui = SwaggerUIBundle({{
  urls: {urls},
  dom_id: "#ui",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: "StandaloneLayout",
}});
"""

SERVICE = """window.addEventListener("load", () => {
  SwaggerUIBundle({ url: "openapi.json", dom_id: "#ui", deepLinking: true });
});
"""
"""Starts the page of one service: here its document is beside the page, not above it."""


def write(directory: Path, system: System) -> Path:
    """Write the page of the system, and return its directory."""
    directory.mkdir(parents=True, exist_ok=True)
    urls = [{"name": name, "url": f"/docs/{name}/openapi.json"} for name in _public_first(system)]
    links = ", ".join(f'<a href="{one["url"]}">{one["name"]}</a>' for one in urls)
    page = PAGE.format(title=system.system, links=links)
    (directory / "index.html").write_text(page, encoding="utf-8")
    script = SYSTEM.format(urls=json.dumps(urls))
    (directory / SCRIPT).write_text(script, encoding="utf-8")
    (directory / SERVICE_SCRIPT).write_text(SERVICE, encoding="utf-8")
    return directory


def swagger_files() -> Path:
    """Return where the files of Swagger UI are, without importing the package that carries them."""
    spec = find_spec("drf_spectacular_sidecar")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("drf-spectacular-sidecar is not installed")
    root = Path(next(iter(spec.submodule_search_locations)))
    return root / "static" / "drf_spectacular_sidecar" / "swagger-ui-dist"


def _public_first(system: System) -> list[str]:
    return sorted(system.services, key=lambda name: not system.services[name].routes)
