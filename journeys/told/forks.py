"""Starts relays and consumers, and lets things happen that are told."""

from __future__ import annotations

import json
import os
import time

import django

django.setup()

from django.db import transaction  # noqa: E402 - Django has to be ready first
from forking import serve  # noqa: E402

from quintet import conf  # noqa: E402
from quintet.events.brokers import broker_for  # noqa: E402
from quintet.events.consumer import Consumer  # noqa: E402
from quintet.events.handling import discovered  # noqa: E402
from quintet.events.leases import Leases  # noqa: E402
from quintet.events.outbox import publish  # noqa: E402
from quintet.events.relay import Relay  # noqa: E402
from quintet.management.repeating import told_to_end  # noqa: E402
from told.handlers import Counted  # noqa: E402

LEASE_SECONDS = 0.5


def relay(ending):
    broker = broker_for(conf.current().BROKER_URL)
    Relay(broker, Leases("relay", seconds=LEASE_SECONDS)).run(ending)


def consumer(ending):
    broker = broker_for(conf.current().BROKER_URL)
    leases = Leases("consumer", seconds=LEASE_SECONDS)
    Consumer(broker, leases, discovered()).run(ending)


def tell(things, numbers):
    """Publish so many numbers of each thing, in one transaction."""
    with transaction.atomic():
        for number in numbers:
            for thing in things:
                publish(Counted(thing=thing, number=number))


def told(things, numbers):
    pid = os.fork()
    if not pid:
        code = 1
        try:
            tell(things, numbers)
            code = 0
        finally:
            os._exit(code)
    return {"code": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}


def pace(things, per_second, seconds):
    """Publish one event in each transaction, at an even pace; how many seconds each commit took."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        with os.fdopen(writing, "w") as answer:
            json.dump(paced(things, per_second, seconds), answer)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        took = json.load(answer)
    os.waitpid(pid, 0)
    return {"took": took}


def paced(things, per_second, seconds):
    begins_at, took = time.monotonic(), []
    for number in range(per_second * seconds):
        time.sleep(max(0.0, begins_at + number / per_second - time.monotonic()))
        began = time.monotonic()
        tell([things[number % len(things)]], [number // len(things)])
        took.append(time.monotonic() - began)
    return took


def until_told(work):
    """Run a work until it is told to end."""

    def run():
        with told_to_end() as ending:
            work(ending)

    return run


if __name__ == "__main__":
    serve(
        {"relay": until_told(relay), "consumer": until_told(consumer)},
        {"tell": told, "pace": pace},
    )
