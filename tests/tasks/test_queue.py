"""A broker that is not to be trusted, or does not answer."""

from __future__ import annotations

import pytest
import redis

from quintet.tasks import calls
from quintet.tasks.celery import QueueUnavailable
from tests.project import tasks
from tests.tasks.conftest import forget
from tests.wire.servers import talking
from tests.wire.test_tls import certificate, trusted, wrap  # noqa: F401 - fixtures


@pytest.fixture
def point(service, settings, monkeypatch):
    """Lets the service use another broker."""
    service.told.ping()

    def use(url):
        service.variables["BROKER_URL"] = url
        forget()
        service.bind(settings, monkeypatch)

    return use


@pytest.fixture
def heard():
    return []


@pytest.fixture
def encrypted(wrap, heard):  # noqa: F811 - the fixture
    """The URL of somebody who speaks TLS, and hears how a client begins."""
    with talking(lambda sock, gone: heard.append(sock.recv(1)), wrap=wrap) as url:
        yield url.replace("http:", "rediss:") + "/0"


def test_a_broker_without_a_trusted_certificate_is_told_nothing(point, encrypted, heard):
    """Celery trusts whoever answers unless it is told not to."""
    point(encrypted)

    with pytest.raises(QueueUnavailable):
        tasks.say.enqueue("a secret")

    assert heard == []


def test_a_broker_that_is_trusted_is_talked_to(point, encrypted, heard, trusted):  # noqa: F811
    point(encrypted)

    with pytest.raises(QueueUnavailable):
        tasks.say.enqueue("hello")

    assert set(heard) == {b"*"}


def test_nobody_stands_in_line_for_a_broker_that_does_not_answer(point):
    came = []

    def frozen(sock, gone):
        came.append(sock)
        gone.wait()

    with talking(frozen) as url:
        point(url.replace("http:", "redis:") + "/0")
        for _ in range(20):
            with pytest.raises(QueueUnavailable):
                tasks.say.enqueue("hello")

    assert len(came) < 5


def test_a_call_whose_headers_are_no_texts_is_no_call():
    written = calls.Call(task="t", args=[], kwargs={}).written() | {"headers": {"X": 7}}

    with pytest.raises(calls.Malformed):
        calls.read(written)


def test_a_broker_that_is_back_is_used_again(point, empty_valkey):
    with talking(lambda sock, gone: None) as url:
        point(url.replace("http:", "redis:") + "/0")
        with pytest.raises(QueueUnavailable):
            tasks.say.enqueue("hello")

    url = empty_valkey("back")
    point(url)
    tasks.say.enqueue("hello")

    assert redis.Redis.from_url(url).keys("tasks:*")
