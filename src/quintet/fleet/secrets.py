"""Secrets and signing keys of the local system: made once, kept, readable by this user only."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def secret(file: Path) -> str:
    """Return the secret kept in ``file``; it is made on first use."""
    return _kept(file, lambda: secrets.token_urlsafe(48))


def signing_key(file: Path) -> Path:
    """Make sure that ``file`` holds a private P-256 key as PEM, and return it."""
    _kept(file, _new_key)
    return file


def _kept(file: Path, make: Callable[[], str]) -> str:
    try:
        return file.read_text(encoding="ascii")
    except FileNotFoundError:
        text = make()
    partial = file.with_suffix(f".{os.getpid()}")
    partial.touch(mode=0o600)
    partial.write_text(text, encoding="ascii")
    partial.replace(file)
    return text


def _new_key() -> str:
    # Imported here because it is slow, and needed once in the life of a clone.
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode("ascii")
    )
