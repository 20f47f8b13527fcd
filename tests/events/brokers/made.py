"""How each broker on a network is made, of its URL and of the beginning of all names on it."""

from __future__ import annotations

from quintet.events.brokers.jetstream import JetStreamBroker
from quintet.events.brokers.rabbitmq import RabbitBroker
from quintet.events.brokers.streams import StreamsBroker

MADE = {
    "streams": lambda url, _: StreamsBroker(url),
    "rabbitmq": lambda url, prefix: RabbitBroker(url, prefix=prefix),
    "jetstream": lambda url, prefix: JetStreamBroker(url, prefix=prefix),
}
