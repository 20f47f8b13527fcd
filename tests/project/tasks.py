"""Tasks for tests, run in workers of their own; what they do is told in a list in Redis."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

import redis
from django.db import connection

from quintet import context
from quintet.resilience import deadline
from quintet.tasks import every, task


def told(word, *, where="told"):
    with redis.Redis.from_url(os.environ["TOLD_URL"], decode_responses=True) as client:
        client.rpush(where, word)


@task
def say(word):
    told(f"say {word}")


@task(takes_context=True)
def tell_attempt(context, word):
    told(f"{word} {context.attempt}")


@task
async def say_async(word):
    told(f"say {word}")


@task
def tell_context():
    bound = context.current()
    told(f"{bound.correlation_id} {bound.trace_id} {deadline.remaining():.0f}")


@task
def sleep(word, seconds):
    told(f"begin {word} {os.getppid()}")
    time.sleep(seconds)
    told(f"end {word}")


@task(timeout_seconds=0.5, attempts=2)
def sleep_too_long():
    told("begin")
    time.sleep(60)


@task(timeout_seconds=0.5)
def ignore_the_limit():
    told("begin")
    while True:
        with suppress(Exception):
            time.sleep(60)


@task
def die(word):
    told(f"begin {word}")
    os.kill(os.getpid(), signal.SIGKILL)


@task(attempts=3)
def fail(word):
    told(f"fail {word}")
    raise ValueError("the secret of the task")


@task
def ask_database():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    told("asked")


@every(seconds=1)
@task
def tick():
    told("tick", where="ticks")


@task
def tell_process():
    told(os.getpid())
