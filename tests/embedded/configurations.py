"""Caddy configurations for tests."""

from __future__ import annotations

from quintet.embedded import ports


def answering(text: str, *, port: int | None = None) -> dict[str, object]:
    """A Caddy configuration that answers everything with ``text``."""
    route = {"handle": [{"handler": "static_response", "body": text}]}
    server = {"listen": [f"127.0.0.1:{port or ports.choose()}"], "routes": [route]}
    return {"apps": {"http": {"servers": {"gateway": server}}}}
