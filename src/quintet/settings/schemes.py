"""The schemes of URLs, by what speaks them."""

from __future__ import annotations

from typing import Final

REDIS_SCHEMES: Final = ("redis", "rediss", "valkey", "valkeys")
RABBITMQ_SCHEMES: Final = ("amqp", "amqps")
NATS_SCHEMES: Final = ("nats", "tls")
