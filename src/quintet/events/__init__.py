"""Messages out and in: written with the business, sent by a relay, handled once.

::

    publish ─▶ outbox ─▶ relay ─▶ broker ─▶ consumer ─▶ inbox and handler
    in the transaction                       in one transaction

``INSTALLED_APPS`` lists this package, whose tables are the outbox, the inbox and what is parked.
The modules are imported by name: Django imports this package before there are any models.
"""

from __future__ import annotations

PARTITIONS = 8
"""Events of one key are in one partition of their topic, and in one only one process works.

To change it, let the outboxes and the topics run empty first: a key may have moved.
"""
