"""How many events a relay carries to each broker in a second, and how soon one is handled.

A database and a Valkey of our own on this disk, with ``fsync``; NATS and RabbitMQ as the machine
has them. All contenders take the same rows from the same table, in turns: scripts of twenty lines
with nothing around them, and the relay. What is handled is timed at rest, one event after another,
in a process of its own.

Run it with ``./quintet bench events --write``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figures import Figure, judged

from machine import RESULTS, ROOT, described
from quintet.embedded.postgres import Postgres
from quintet.embedded.valkey import Valkey

sys.path.insert(0, str(ROOT / "journeys"))

import brokers
import carriers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PACKAGES = ("django", "psycopg", "redis", "amqp", "nats-py", "msgspec")
TOLD = ROOT / "journeys" / "told"
FILL = """
INSERT INTO quintet_events_outboxevent (event_id, topic, key, partition, body, published_at)
SELECT gen_random_uuid(), 'told', n %% 1000, n %% 8, %s, CASE WHEN %s THEN now() END
FROM generate_series(1, %s) AS n
"""
COUNT = "SELECT count(*) FROM quintet_events_outboxevent"
FLOOR, BARE, RELAY = "a script, no broker", "{}: a script, confirms of 100", "{}: Quintet's relay"
CROWDED = "Valkey: Quintet's relay, {published:,} published rows in the table"
LEAST = {"Valkey": 20_000, "NATS": 9_000, "RabbitMQ": 3_500}


def main() -> None:
    """Measure, print, and write the result down when asked to."""
    options = parsed()
    with running() as urls:
        os.environ["BROKER_URL"] = urls["Valkey"]
        sys.path.insert(0, str(TOLD))
        migrate()
        import django

        django.setup()
        rates = carried(urls, options)
        seconds = handled(options.singles)
    text = report(rates, seconds, options)
    print(text)
    if options.write:
        (RESULTS / "events.md").write_text(text, encoding="utf-8")


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench events", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=20_000, help="in each round")
    parser.add_argument("--published", type=int, default=1_000_000, help="rows in the full table")
    parser.add_argument("--singles", type=int, default=100, help="events that are timed at rest")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    return parser.parse_args()


@contextmanager
def running() -> Iterator[dict[str, str]]:
    """Run a database and brokers; gives the URLs of the brokers by their names."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="quintet-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        database, valkey = Postgres(folder / "postgres"), Valkey(folder / "valkey")
        for server in (database, valkey):
            stack.callback(server.stop)
            server.start()
        os.environ |= {
            "DATABASE_URL": database.create_service("told", "a password for a bench"),
            "SERVICE_ENVIRONMENT": "test",
            "SECRET_KEY": "a bench signs nothing, and nobody is to believe what it signs",
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "told.settings",
            "PYTHONPATH": str(TOLD),
        }
        yield {
            "Valkey": valkey.url(),
            "NATS": stack.enter_context(brokers.nats(folder / "nats")),
            "RabbitMQ": stack.enter_context(brokers.rabbitmq(folder)),
        }


def migrate() -> None:
    """Make the tables."""
    command = [sys.executable, "manage.py", "migrate", "--run-syncdb", "--verbosity", "0"]
    subprocess.run(command, cwd=TOLD, check=True)


def carried(urls: Mapping[str, str], options: argparse.Namespace) -> dict[str, float]:
    """Events in a second of each contender: medians of rounds in turns."""
    from quintet.events.leases import Leases

    leases = Leases("relay", seconds=600)
    with asyncio.Runner() as runner, ExitStack() as stack:
        relays = {name: relay(name, url, leases, stack) for name, url in urls.items()}
        floor = carriers.script(FLOOR, carriers.to_nobody)
        contenders = [floor, *scripts(urls, runner, stack), *relays.values()]
        found = in_turns(contenders, options, published=0)
        crowded = replace(relays["Valkey"], label=CROWDED.format(published=options.published))
        return found | in_turns([crowded], options, published=options.published)


def scripts(
    urls: Mapping[str, str], runner: asyncio.Runner, stack: ExitStack
) -> Iterator[carriers.Carrier]:
    """What everybody would write first, for each broker."""
    import redis

    client = redis.Redis.from_url(urls["Valkey"])
    sends = {
        "Valkey": carriers.to_valkey(client),
        "NATS": carriers.to_nats(urls["NATS"], runner, stack),
        "RabbitMQ": carriers.to_rabbitmq(urls["RabbitMQ"], stack),
    }
    for name, send in sends.items():
        yield carriers.script(BARE.format(name), send)


def relay(name: str, url: str, leases: Any, stack: ExitStack) -> carriers.Carrier:
    """Ours, as ``quintet_relay`` runs it, to a broker where somebody is known to read."""
    from quintet.events.brokers import broker_for
    from quintet.events.relay import Relay

    broker = stack.enter_context(closing(broker_for(url)))
    broker.subscribe(["told"], range(8), group="bench").close()
    made = Relay(broker, leases)
    return carriers.Carrier(label=RELAY.format(name), step=made.round)


def in_turns(
    contenders: Sequence[carriers.Carrier], options: argparse.Namespace, *, published: int
) -> dict[str, float]:
    """Fill the table anew for each run."""
    rates: dict[str, list[float]] = {one.label: [] for one in contenders}
    for _ in range(options.rounds):
        for one in contenders:
            fill(options.events, published=published)
            began, carried_now = time.perf_counter(), 0
            while step := one.step():
                carried_now += step
            rates[one.label].append(carried_now / (time.perf_counter() - began))
            if carried_now != options.events:
                raise SystemExit(f"{one.label} carried {carried_now} of {options.events}")
    return {label: statistics.median(found) for label, found in rates.items()}


def fill(events: int, *, published: int) -> None:
    """Leave so many events that wait, above so many that were published."""
    from django.db import connection

    with connection.cursor() as cursor:
        if published:
            cursor.execute(COUNT)
            published = max(0, published - cursor.fetchone()[0])
        else:
            cursor.execute("TRUNCATE quintet_events_outboxevent")
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(FILL, [body(), True, published])
        cursor.execute(FILL, [body(), False, events])
        cursor.execute("VACUUM ANALYZE quintet_events_outboxevent")


def body() -> str:
    """What an event looks like on its way."""
    from quintet.events import envelope
    from told.handlers import Counted

    event = Counted(thing="order-8e03978e-40d5-43e8-bc93-6894a57f9324", number=7)
    return envelope.write(event, event_id=uuid.uuid4(), source="told")


def handled(singles: int) -> Sequence[float]:
    """Seconds from the commit of an event to that of its handler, one after another, at rest."""
    import redis
    from django.db import connection

    fill(0, published=0)
    redis.Redis.from_url(os.environ["BROKER_URL"]).flushdb()
    commands = ("quintet_relay", "quintet_consume")
    processes = [
        subprocess.Popen(
            [sys.executable, "manage.py", command],
            cwd=TOLD,
            stdout=subprocess.DEVNULL,
        )
        for command in commands
    ]
    try:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM quintet_events_lease")
            timed = [one_handled(cursor, number) for number in range(-20, singles)]
    finally:
        for process in processes:
            process.terminate()
            process.wait(30)
    return timed[20:]


def one_handled(cursor: Any, number: int) -> float:
    """Publish one event, and look until its entry is there."""
    from django.db import transaction

    from quintet.events.outbox import publish
    from told.handlers import Counted

    thing = f"single {number}"
    with transaction.atomic():
        publish(Counted(thing=thing, number=1))
    began = time.perf_counter()
    while True:
        cursor.execute("SELECT 1 FROM told_entry WHERE thing = %s", [thing])
        if cursor.fetchone():
            break
        time.sleep(0.001)
    seconds = time.perf_counter() - began
    threading.Event().wait(0.05)
    return seconds


def report(
    rates: Mapping[str, float], seconds: Sequence[float], options: argparse.Namespace
) -> str:
    """Render the table."""
    crowded = rates[CROWDED.format(published=options.published)]
    median = statistics.median(seconds) * 1000
    slow = sorted(seconds)[int(len(seconds) * 0.95)] * 1000
    rows = [
        "# What a relay carries",
        "",
        described(*PACKAGES),
        "",
        f"Events of {len(body())} bytes in a second, confirmed and in their order, one process;",
        f"medians of {options.rounds} rounds of {options.events:,} in turns.",
        "PostgreSQL with fsync, streams of Valkey with an append-only file, a file stream of NATS,",
        "quorum queues of RabbitMQ; the scripts send to what the relays send to.",
        "",
        "| who | events/s | of the script |",
        "|---|---|---|",
        *(
            f"| {who} | {rate:,.0f} | {rate / rates[peer(who)]:.2f} |"
            for who, rate in rates.items()
        ),
        "",
        f"From the commit of an event to that of its handler, at rest: p50 {median:.0f} ms,",
        f"p95 {slow:.0f} ms ({len(seconds)} events, a relay and a consumer, Valkey).",
        "",
        "## What was to be reached",
        "",
        *judged(
            [
                *(
                    Figure(f"{name}, events in a second", rates[RELAY.format(name)], at_least=least)
                    for name, least in LEAST.items()
                ),
                Figure(
                    "Valkey with a full table, of that without",
                    crowded / rates[RELAY.format("Valkey")],
                    at_least=0.8,
                ),
                Figure("from commit to handler, p50", median, at_most=50, unit="ms"),
            ]
        ),
    ]
    return "\n".join([*rows, ""])


def peer(label: str) -> str:
    """The script that does the same as a contender."""
    name, _, _ = label.partition(":")
    return BARE.format(name) if name in LEAST else FLOOR


if __name__ == "__main__":
    main()
