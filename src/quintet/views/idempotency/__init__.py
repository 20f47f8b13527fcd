"""One effect for all attempts of a request that carry the same ``Idempotency-Key``.

A handler asks for it with ``idempotent``; ``INSTALLED_APPS`` lists this package, whose table holds
the keys. The header, and the statuses 400, 409 and 422, are those of
draft-ietf-httpapi-idempotency-key-header-07. The modules are imported by name: Django imports this
package before there are any models.
"""

from __future__ import annotations

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
DECLARED = "quintet_idempotency"
"""The attribute under which a handler says what it asks for."""
