"""Writes the requests of strangers, family by family."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_from_bytes

from quintet.testing.hostile import material

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

MUTATIONS = 120
LONGEST_IN_PATH, LONGEST_IN_QUERY = 999, 2_500
"""Longer request lines are among the floods."""
CRLF = b"\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to send them: a collection, one of its members with ``{}`` in it, and what is written.

    ``written`` is a body that ``collection`` takes by POST; a ``token`` gets the requests past the
    door, where the interesting mistakes are.
    """

    collection: str
    member: str
    written: bytes
    host: str = "127.0.0.1"
    token: str = ""


class Maker:
    """Writes requests to one target."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._collection = target.collection.encode()

    def paths(self) -> Iterator[bytes]:
        """What stands for a member, escaped and as it is, and addresses that are none."""
        for text in material.TEXTS:
            if len(text) <= LONGEST_IN_PATH:
                yield self._get(self._target.member.replace("{}", quote_from_bytes(text, safe="")))
        for raw in material.RAW_PATHS:
            yield self._get(raw)
            yield self._get(self._collection.rstrip(b"/") + raw)

    def queries(self) -> Iterator[bytes]:
        """Values that no parameter has, for parameters that a list has and for others."""
        for number, text in enumerate(material.TEXTS):
            for name in (
                material.NAMES[number % len(material.NAMES)],
                material.NAMES[(number + 4) % len(material.NAMES)],
            ):
                value = quote_from_bytes(text[:LONGEST_IN_QUERY], safe="")
                yield self._get(self._collection + f"?{quote(name)}={value}".encode())
        for raw in (b"?", b"?&&&&", b"?=", b"?%", b"?a=%zz&b=%", b"?page=1&page=2&page=x", b"??"):
            yield self._get(self._collection + raw)
        yield self._get(self._collection + b"?page_size=1000000000&page=999999999999")

    def bodies(self) -> Iterator[bytes]:
        """JSON that is none, or too much of it; and the right body with a wrong value in it."""
        for body in material.JSON:
            yield self._post(body)
        proper = json.loads(self._target.written)
        for number, value in enumerate(material.VALUES):
            name = list(proper)[number % len(proper)]
            yield self._post(json.dumps({**proper, name: value}).encode())
            yield self._post(json.dumps({**proper, str(value)[:50]: value}).encode())

    def typed(self) -> Iterator[bytes]:
        """The right body under a wrong name."""
        for content_type in material.TYPES:
            yield self._post(self._target.written, content_type)
        several = b"Content-Type: text/html\r\nContent-Type: application/json\r\n"
        yield self._request(b"POST", self._collection, several, body=self._target.written)

    def forms(self) -> Iterator[bytes]:
        """Forms that are broken, or have too many parts."""
        multipart = b"multipart/form-data; boundary=b"
        part = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        file = b'; filename="../../%s"\r\nContent-Type: text/plain'
        end = b"--b--\r\n"
        for text in material.TEXTS[:20]:
            yield self._post(part % (text, b"", b"x") + end, multipart)
            yield self._post(part % (b"a", file % text, text) + end, multipart)
        yield self._post(part % (b"a", b"", b"x") * 1_500 + end, multipart)
        yield self._post(part % (b"a", file % b"x", b"x") * 150 + end, multipart)
        for body in (b"", b"--b", b"--b\r\n", b"--b--", b"--c\r\n\r\nx\r\n--c--", b"--b\r\n" * 500):
            yield self._post(body, multipart)
        encoded = b"Content-Transfer-Encoding: base64\r\n"
        broken = b'--b\r\nContent-Disposition: form-data; name="a"\r\n' + encoded + b"\r\n!\r\n"
        yield self._post(broken + end, multipart)
        pairs = b"&".join(b"a%d=1" % number for number in range(1_500))
        for body in (b"a=%zz&%=&=&&", b"a=%ff%fe", pairs, b"a=" + b"%41" * 20_000):
            yield self._post(body, b"application/x-www-form-urlencoded")

    def headers(self) -> Iterator[bytes]:
        """Texts where everybody expects words."""
        for number, text in enumerate(material.TEXTS):
            for name in (
                material.HEADERS[number % len(material.HEADERS)],
                material.HEADERS[(number + 3) % len(material.HEADERS)],
            ):
                yield self._get(self._collection, name + b": " + text + CRLF)
        for scheme in (b"Bearer", b"Bearer ", b"Basic !!", b"Bearer a.b.c", b"Bearer eyJ.eyJ.x"):
            yield self._get(self._collection, b"Authorization: " + scheme + CRLF)

    def identities(self) -> Iterator[bytes]:
        """Who somebody says to be, where they come from, and what for."""
        for number, name in enumerate(material.IDENTITIES):
            for step in range(4):
                claim = material.CLAIMS[(number + 3 * step) % len(material.CLAIMS)]
                yield self._get(self._collection, name + b": " + claim + CRLF)
        for host in material.HOSTS:
            yield self._get(self._collection, b"Host: " + host + CRLF)
        yield self._get(self._collection)[:-2] + b"Host: evil.example" + CRLF * 2

    def conditions(self) -> Iterator[bytes]:
        """Conditions, ranges and wishes that cannot be met."""
        for name, value in material.CONDITIONS:
            yield self._get(self._collection, name + b": " + value + CRLF)

    def framings(self) -> Iterator[bytes]:
        """Bodies whose length can be read in two ways, or in none."""
        for frame in material.FRAMES:
            head = self._head(b"POST", self._collection, b"Content-Type: application/json\r\n")
            yield head + frame + (b"" if b"\r\n\r\n" in frame else b"\r\n\r\n")

    def methods(self) -> Iterator[bytes]:
        """Methods and request lines that are none."""
        for method in material.METHODS:
            yield self._request(method, self._collection)
            yield self._request(method, b"/nowhere/")
        for line in material.LINES:
            yield (
                line + b"\r\nHost: " + self._target.host.encode() + b"\r\nConnection: close\r\n\r\n"
            )

    def floods(self) -> Iterator[bytes]:
        """More than anybody needs."""
        yield self._get(self._collection + b"?" + b"a" * 10_000)
        yield self._get(self._collection + b"?" + b"&".join(b"a=%d" % n for n in range(600)))
        yield self._get(self._collection + b"?" + b"&".join(b"a" for _ in range(1_800)))
        yield self._get(b"/" + b"a" * 10_000)
        yield self._get(self._collection, b"".join(b"X-%d: y\r\n" % n for n in range(150)))
        yield self._get(self._collection, b"".join(b"X: y\r\n" for n in range(90)))
        yield self._get(self._collection, b"X-Long: " + b"y" * 10_000 + CRLF)
        yield self._get(self._collection, b"Cookie: " + b"a=b; " * 1_500 + CRLF)
        yield self._get(self._collection, b"Accept: " + b"a/b;q=0.1," * 700 + b"*/*\r\n")
        yield self._get(self._collection, b"Accept-Language: " + b"de-DE-x," * 900 + CRLF)
        yield self._get(self._collection, b"X-Forwarded-For: " + b"1.1.1.1," * 900 + CRLF)
        yield self._get(self._collection, b": no name\r\n")
        yield self._get(self._collection, b"No Colon\r\n")
        yield self._get(self._collection, b"X-Folded: a\r\n b\r\n")
        yield self._get(self._collection, b"X-Bare: a\nX-Other: b\r\n")
        yield self._get(self._collection, b"X\x00Y: z\r\n")

    def mutations(self, chance: random.Random) -> Iterator[bytes]:
        """Proper requests with a few bytes changed, but not what ends them."""
        proper = (
            self._get(
                self._collection + b"?page=1&search=lamp&ordering=name", b"X-Some: thing\r\n"
            ),
            self._post(self._target.written),
        )
        for number in range(MUTATIONS):
            first, ending, rest = proper[number % 2].partition(b"Connection: close\r\n")
            yield _mutated(first, chance) + ending + _mutated(rest[:-4], chance) + rest[-4:]

    def _get(self, path: bytes | str, lines: bytes = b"") -> bytes:
        return self._request(b"GET", path, lines)

    def _post(self, body: bytes, content_type: bytes = b"application/json") -> bytes:
        typed = b"Content-Type: " + content_type + CRLF
        return self._request(b"POST", self._collection, typed, body=body)

    def _request(
        self, method: bytes, path: bytes | str, lines: bytes = b"", *, body: bytes | None = None
    ) -> bytes:
        length = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
        return self._head(method, path, lines + length) + CRLF + (body or b"")

    def _head(self, method: bytes, path: bytes | str, lines: bytes = b"") -> bytes:
        """A request up to where its head may end; ``lines`` replace the host and the token."""
        target = path.encode() if isinstance(path, str) else path
        own = b"Connection: close\r\n"
        if not lines.startswith(b"Host:"):
            own = b"Host: " + self._target.host.encode() + CRLF + own
        if self._target.token and b"Authorization:" not in lines:
            own += b"Authorization: Bearer " + self._target.token.encode() + CRLF
        return method + b" " + target + b" HTTP/1.1" + CRLF + own + lines


def _mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)
