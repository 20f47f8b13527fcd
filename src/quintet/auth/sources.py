"""Where the public keys of an issuer come from, and by that whom this service trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import orjson

from quintet import conf, wire
from quintet.errors import ExternalServiceException

if TYPE_CHECKING:
    from collections.abc import Mapping

FETCH_SECONDS_MAX = 2.0
DOCUMENT_BYTES_MAX = 64 * 1024


class UnknownIssuer(LookupError):
    """Nobody told this service to trust the issuer; nothing is fetched for it."""


class KeySource(Protocol):
    """The seam: one method, which asks for the keys of one issuer."""

    def fetch(self, issuer: str) -> Mapping[str, Any]:
        """Return the issuer's JWKS document; ``UnknownIssuer`` for one that is not trusted."""
        ...


class HTTPKeySource:
    """Fetches the documents that ``AUTH_ISSUERS`` names; the URL never comes from a token."""

    def fetch(self, issuer: str) -> Mapping[str, Any]:
        url = conf.current().AUTH_ISSUERS.get(issuer)
        if url is None:
            raise UnknownIssuer(issuer)
        answer = wire.exchange(_request(issuer, url), bytes_max=DOCUMENT_BYTES_MAX)
        if answer.status != 200:  # noqa: PLR2004 - the one status that carries a document
            raise _unusable(issuer, f"answered {answer.status}", answer.status)
        try:
            document = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise _unusable(issuer, "is no JSON", answer.status) from error
        if not isinstance(document, dict):
            raise _unusable(issuer, "is no JSON object", answer.status)
        return document


class MemoryKeySource:
    """Holds documents in memory, for tests and for processes that are given their keys."""

    def __init__(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        self.documents = dict(documents)

    def fetch(self, issuer: str) -> Mapping[str, Any]:
        try:
            return self.documents[issuer]
        except KeyError:
            raise UnknownIssuer(issuer) from None


class RecordingKeySource:
    """Passes every question on to another source and remembers it."""

    def __init__(self, inner: KeySource) -> None:
        self.asked: list[str] = []
        self._inner = inner

    def fetch(self, issuer: str) -> Mapping[str, Any]:
        self.asked.append(issuer)
        return self._inner.fetch(issuer)


def _request(issuer: str, url: str) -> wire.Request:
    parts = urlsplit(url)
    return wire.Request(
        service=issuer,
        method="GET",
        base_url=f"{parts.scheme}://{parts.netloc}",
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        headers={"Accept": "application/json"},
        timeout_seconds=FETCH_SECONDS_MAX,
    )


def _unusable(issuer: str, why: str, status: int) -> ExternalServiceException:
    return ExternalServiceException(
        f"The key document of {issuer} {why}.", service_name=issuer, status_code=status
    )
