from __future__ import annotations

import asyncio
import hashlib
import ssl
import uuid
from urllib.parse import quote

import aio_pika
import pytest
from cryptography import x509

from quintet.events.brokers import BrokerUnavailable, Message, broker_for
from quintet.events.brokers.rabbitmq import RabbitBroker
from tests.wire.servers import talking
from tests.wire.test_tls import certificate, trusted, wrap  # noqa: F401 - fixtures


@pytest.fixture
def broker(make, rabbitmq):
    return make("rabbitmq", rabbitmq)


def message(body="placed"):
    return Message(uuid.uuid4(), "orders", 0, "k", body)


async def declare_full_queue(url, prefix):
    """A queue of somebody else that takes one message and refuses all others."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        limits = {"x-max-length": 1, "x-overflow": "reject-publish"}
        queue = await channel.declare_queue(f"{prefix}.full", durable=True, arguments=limits)
        await queue.bind(prefix, "0.orders")


async def delete_queue(url, name):
    async with await aio_pika.connect(url) as connection:
        await (await connection.channel()).queue_delete(name)


def test_a_queue_that_is_deleted_is_made_again(broker, rabbitmq, prefix):
    """The naive version waits for ever: the connection lives, and nothing comes."""
    subscription = broker.subscribe(["orders"], [0], group="products")
    asyncio.run(delete_queue(rabbitmq, f"{prefix}.products.0"))

    with pytest.raises(BrokerUnavailable):
        subscription.fetch(1, 5)

    heir = broker.subscribe(["orders"], [0], group="products")
    assert not broker.publish([message()])
    assert [one.body for one in heir.fetch(1, 5)] == ["placed"]


def test_what_was_read_and_is_not_any_more_comes_back(broker, rabbitmq, prefix):
    broker.subscribe(["orders"], [0], group="products").close()
    assert not broker.publish([message()])
    asyncio.run(delete_queue(rabbitmq, f"{prefix}.products.0"))
    sent = [message("first"), message("second")]

    assert broker.publish(sent) == sent


def test_what_a_queue_refuses_is_given_again(broker, rabbitmq, prefix):
    """The naive version takes a nack for an answer."""
    subscription = broker.subscribe(["orders"], [0], group="products")
    asyncio.run(declare_full_queue(rabbitmq, prefix))
    sent = [message(f"event {number}") for number in range(3)]

    with pytest.raises(BrokerUnavailable):
        broker.publish(sent)

    asyncio.run(delete_queue(rabbitmq, f"{prefix}.full"))
    assert not broker.publish(sent)
    assert sent[2].body in [one.body for one in subscription.fetch(9, 5)]


@pytest.fixture
def heard():
    return []


@pytest.fixture
def encrypted(wrap, heard):  # noqa: F811 - the fixture
    """The URL of somebody who speaks TLS, and hears how a client begins."""
    with talking(lambda sock, gone: heard.append(sock.recv(8)), wrap=wrap) as url:
        yield url.replace("http:", "amqps:")


def greeted(url):
    broker = RabbitBroker(url)
    with pytest.raises(BrokerUnavailable):
        broker.publish([message()])
    broker.close()


def test_a_broker_without_a_trusted_certificate_is_told_nothing(encrypted, heard):
    greeted(encrypted)

    assert heard == []


def test_a_broker_of_another_name_is_told_nothing(encrypted, heard, trusted):  # noqa: F811
    greeted(encrypted.replace("127.0.0.1", "localhost"))

    assert heard == []


def test_a_broker_that_is_trusted_is_talked_to(encrypted, heard, trusted):  # noqa: F811
    greeted(encrypted)

    assert heard == [b"AMQP\x00\x00\x09\x01"]


@pytest.fixture
def authorities(certificate, tmp_path):  # noqa: F811 - the fixture
    """A file of trusted certificates, and a folder of them under the names of OpenSSL."""
    folder = tmp_path / "trusted authorities"
    folder.mkdir()
    subject = x509.load_pem_x509_certificate(certificate.read_bytes()).subject.public_bytes()
    without_frame = hashlib.sha1(subject[2:], usedforsecurity=False).digest()
    number = int.from_bytes(without_frame[:4], "little")
    (folder / f"{number:08x}.0").write_bytes(certificate.read_bytes())
    return {"cafile": certificate, "capath": folder}


def read(url):
    broker = RabbitBroker(url)
    with pytest.raises(BrokerUnavailable):
        broker.subscribe(["orders"], [0], group="products")
    broker.close()


@pytest.mark.parametrize("use", [greeted, read])
@pytest.mark.parametrize("word", ["cafile", "capath"])
def test_an_authority_that_the_url_names_is_trusted_by_both_connections(
    encrypted, heard, authorities, use, word
):
    """The naive version reads from such a broker, and publishes nothing."""
    use(f"{encrypted}/?{word}={quote(str(authorities[word]))}")

    assert heard[0] == b"AMQP\x00\x00\x09\x01"


@pytest.fixture
def demanding(certificate, heard):  # noqa: F811 - the fixture
    """The URL of somebody who talks to those alone that show a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED

    def wrap(sock):  # noqa: F811 - another one than the fixture
        return context.wrap_socket(sock, server_side=True)

    with talking(lambda sock, gone: heard.append(sock.recv(8)), wrap=wrap) as url:
        yield url.replace("http:", "amqps:")


@pytest.mark.parametrize("use", [greeted, read])
@pytest.mark.parametrize("words", ["certfile={0}", "certfile={0}&keyfile={0}"])
def test_who_has_to_show_a_certificate_shows_it_on_both_connections(
    demanding,
    heard,
    certificate,  # noqa: F811 - the fixture
    use,
    words,
):
    use(f"{demanding}/?cafile={certificate}&{words.format(certificate)}")

    assert heard[0] == b"AMQP\x00\x00\x09\x01"


@pytest.mark.parametrize("trust", ["cafile={0}&certfile={0}", "certfile={0}"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_who_shows_a_certificate_looks_at_the_other_one_as_well(
    encrypted,
    heard,
    certificate,  # noqa: F811 - the fixture
    trust,
    host,
):
    believed = (trust, host) == ("cafile={0}&certfile={0}", "127.0.0.1")

    greeted(f"{encrypted.replace('127.0.0.1', host)}/?{trust.format(certificate)}")

    assert bool(heard) == believed


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("amqps://a:hunter2@h/?heartbeat=9", "parameter 'heartbeat'.* cafile, .*leave it out"),
        ("amqps://a:hunter2@h/?no_verify_ssl=1", "parameter 'no_verify_ssl'"),
        ("amqps://a:hunter2@h/?cadata=", "parameter 'cadata'"),
        ("amqp://a:hunter2@h/?cafile=x", "parameter 'cafile'.* begin it with amqps://"),
        ("amqps://a:hunter2@h/?keyfile=x", "'keyfile'.* without 'certfile': name it"),
        ("amqps://a:hunter2@h/?capath=x&certfile=y", "'capath'.* beside 'certfile': .* 'cafile'"),
        ("amqps://a:hunter2@h/?cafile=", "parameter 'cafile'.* empty"),
        ("amqps://a:hunter2@h/?cafile=x&cafile=y", "twice"),
        ("amqps://a:x?hunter2=1@h/", "an @ behind its \\?.* %3F"),
    ],
)
def test_what_only_one_of_two_libraries_knows_is_refused_without_the_password(url, why):
    with pytest.raises(ValueError, match=f"^BROKER_URL .*{why}") as raised:
        broker_for(url)

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
def test_a_url_of_rabbitmq_names_this_broker(scheme):
    broker = broker_for(f"{scheme}://127.0.0.1")

    assert isinstance(broker, RabbitBroker)
    broker.close()
