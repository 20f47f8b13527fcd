"""Every broker, made and broken alike: one suite tests all of them."""

from __future__ import annotations

import asyncio
import os
import uuid
from contextlib import ExitStack, closing, suppress
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import nats
import pytest
from nats.js.errors import NotFoundError

from quintet.events import PARTITIONS
from quintet.events.brokers.memory import MemoryBroker
from tests.events.brokers.cable import Cable
from tests.events.brokers.made import MADE

GROUPS = ("products", "payments")


@pytest.fixture(scope="session")
def rabbitmq_url():
    """A RabbitMQ: no wheel holds one."""
    return answering(
        "QUINTET_TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672", aio_pika.connect
    )


@pytest.fixture(scope="session")
def nats_url():
    """A NATS with JetStream: no wheel holds one."""
    return answering("QUINTET_TEST_NATS_URL", "nats://127.0.0.1:4222", nats.connect)


def answering(variable, usual, connect):
    """The URL of a server that answers; without one, its tests are skipped."""
    url = os.environ.get(variable, usual)

    async def ask():
        connection = await asyncio.wait_for(connect(url), 5)
        await connection.close()

    try:
        asyncio.run(ask())
    except Exception as error:
        if variable in os.environ:
            raise
        pytest.skip(
            f"nothing answers at {usual} ({type(error).__name__}): start it or set {variable}"
        )
    return url


@pytest.fixture
def prefix():
    """Names of a test of its own, on a server that others may use."""
    return f"quintet.test.{uuid.uuid4().hex}"


@pytest.fixture
def rabbitmq(rabbitmq_url, prefix):
    """A server with queues of a test of its own."""
    yield rabbitmq_url
    asyncio.run(deleted_queues(rabbitmq_url, prefix))


async def deleted_queues(url, prefix):
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        for group in GROUPS:
            for partition in range(PARTITIONS):
                await channel.queue_delete(f"{prefix}.{group}.{partition}")
        await channel.exchange_delete(prefix)


@pytest.fixture
def jetstream(nats_url, prefix):
    """A server with a stream of a test of its own."""
    yield nats_url
    asyncio.run(deleted_stream(nats_url, prefix))


async def deleted_stream(url, prefix):
    client = await nats.connect(url)
    with suppress(NotFoundError):
        await client.jetstream().delete_stream(prefix.replace(".", "-"))
    await client.close()


@pytest.fixture
def streams(empty_valkey):
    """An empty database."""
    return empty_valkey("events")


@pytest.fixture
def make(prefix):
    """Makes brokers that say goodbye in the end."""
    with ExitStack() as stack:
        yield lambda kind, url: stack.enter_context(closing(MADE[kind](url, prefix)))


@pytest.fixture(params=MADE)
def networked(request, make):
    """The kind of a server, its URL, and what connects to it."""
    kind, url = request.param, request.getfixturevalue(request.param)
    return kind, url, lambda: make(kind, url)


@pytest.fixture
def cabled(networked, make):
    """What connects through a cable, and that cable."""
    kind, url, _ = networked
    parts = urlsplit(url)
    cable = Cable(parts.hostname, parts.port)
    user, at, _ = parts.netloc.rpartition("@")
    through = urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{cable.port}"))
    yield lambda: make(kind, through), cable
    cable.close()


@pytest.fixture(params=MADE)
def away(request, make):
    """Connects to a server that is not there."""
    scheme = {"streams": "redis", "rabbitmq": "amqp", "jetstream": "nats"}[request.param]
    return lambda: make(request.param, f"{scheme}://127.0.0.1:1")


@pytest.fixture(params=["memory", *MADE])
def connect(request, make):
    """Makes a connection to one and the same broker, as each process has its own."""
    if request.param == "memory":
        broker = MemoryBroker()
        return lambda: broker
    url = request.getfixturevalue(request.param)
    return lambda: make(request.param, url)


@pytest.fixture
def broker(connect):
    return connect()
