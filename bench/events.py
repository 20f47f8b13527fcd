"""How many events a relay carries to the broker in a second, and how soon one is handled.

A database and a Valkey of our own on this disk, with ``fsync``. All contenders take the same rows
from the same table to the same stream, in turns: scripts of twenty lines with nothing around them,
and the relay. What is handled is timed at rest, one event after another, in a process of its own.

Run it with ``./quintet bench events --write``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figures import Figure, judged

from machine import RESULTS, ROOT, described
from quintet.embedded.postgres import Postgres
from quintet.embedded.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PACKAGES = ("django", "psycopg", "redis", "msgspec")
TOLD = ROOT / "journeys" / "told"
FILL = """
INSERT INTO quintet_events_outboxevent (event_id, topic, key, partition, body, published_at)
SELECT gen_random_uuid(), 'told', n %% 1000, n %% 8, %s, CASE WHEN %s THEN now() END
FROM generate_series(1, %s) AS n
"""
COUNT = "SELECT count(*) FROM quintet_events_outboxevent"
WAITING = (
    "SELECT id, partition, body FROM quintet_events_outboxevent "
    "WHERE published_at IS NULL ORDER BY id LIMIT %s"
)
MARK = "UPDATE quintet_events_outboxevent SET published_at = now() WHERE id = ANY(%s)"
FLOOR, BARE, OURS = "a script, no broker", "a script, pipelines of 100", "Quintet's relay"
CROWDED = "Quintet's relay, {published:,} published rows in the table"


def main() -> None:
    """Measure, print, and write the result down when asked to."""
    options = parsed()
    with running() as environment:
        os.environ.update(environment)
        sys.path.insert(0, str(TOLD))
        migrate(environment)
        import django

        django.setup()
        rates = carried(options)
        seconds = handled(environment, options.singles)
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
    """Run a database and a broker, and give the environment of a service that uses them."""
    folder = Path(tempfile.mkdtemp(prefix="quintet-bench-"))
    database, broker = Postgres(folder / "postgres"), Valkey(folder / "valkey")
    try:
        database.start()
        broker.start()
        yield {
            "DATABASE_URL": database.create_service("told", "a password for a bench"),
            "BROKER_URL": broker.url(),
            "SERVICE_ENVIRONMENT": "test",
            "SECRET_KEY": "a bench signs nothing, and nobody is to believe what it signs",
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "told.settings",
            "PYTHONPATH": str(TOLD),
        }
    finally:
        broker.stop()
        database.stop()
        shutil.rmtree(folder, ignore_errors=True)


def migrate(environment: Mapping[str, str]) -> None:
    """Make the tables."""
    command = [sys.executable, "manage.py", "migrate", "--run-syncdb", "--verbosity", "0"]
    subprocess.run(command, cwd=TOLD, env={**os.environ, **environment}, check=True)


def carried(options: argparse.Namespace) -> dict[str, float]:
    """Events in a second of each contender: medians of rounds in turns."""
    ours = relay()
    contenders = {FLOOR: script(None), BARE: script(broker()), OURS: ours}
    crowded = CROWDED.format(published=options.published)
    found = in_turns(contenders, options, published=0)
    found |= in_turns({crowded: ours}, options, published=options.published)
    return found


def in_turns(
    contenders: Mapping[str, Callable[[], int]], options: argparse.Namespace, *, published: int
) -> dict[str, float]:
    """Fill the table anew for each run, and empty the broker."""
    rates: dict[str, list[float]] = {label: [] for label in contenders}
    for _ in range(options.rounds):
        for label, carry in contenders.items():
            fill(options.events, published=published)
            began, carried_now = time.perf_counter(), 0
            while step := carry():
                carried_now += step
            rates[label].append(carried_now / (time.perf_counter() - began))
            if carried_now != options.events:
                raise SystemExit(f"{label} carried {carried_now} of {options.events}")
    return {label: statistics.median(found) for label, found in rates.items()}


def fill(events: int, *, published: int) -> None:
    """Leave so many events that wait, above so many that were published."""
    from django.db import connection

    broker().flushdb()
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


def broker() -> Any:
    """A client of the broker."""
    import redis

    return redis.Redis.from_url(os.environ["BROKER_URL"])


def script(client: Any, batch: int = 100) -> Callable[[], int]:
    """What everybody would write first: rows, one pipeline, one statement."""
    import psycopg

    database = psycopg.connect(os.environ["DATABASE_URL"])

    def carry() -> int:
        rows = database.execute(WAITING, [batch]).fetchall()
        if client is not None and rows:
            pipe = client.pipeline(transaction=False)
            for _, partition, text in rows:
                pipe.xadd(f"told:{partition}", {"body": text})
            pipe.execute()
        database.execute(MARK, [[row[0] for row in rows]])
        database.commit()
        return len(rows)

    return carry


def relay() -> Callable[[], int]:
    """Ours, as ``quintet_relay`` runs it."""
    from quintet.events.brokers import broker_for
    from quintet.events.leases import Leases
    from quintet.events.relay import Relay

    made = Relay(broker_for(os.environ["BROKER_URL"]), Leases("relay", seconds=600))
    made.round()
    return made.round


def handled(environment: Mapping[str, str], singles: int) -> Sequence[float]:
    """Seconds from the commit of an event to that of its handler, one after another, at rest."""
    from django.db import connection

    fill(0, published=0)
    commands = ("quintet_relay", "quintet_consume")
    processes = [
        subprocess.Popen(
            [sys.executable, "manage.py", command],
            cwd=TOLD,
            env={**os.environ, **environment},
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
        "PostgreSQL with fsync, streams of Valkey with an append-only file.",
        "",
        "| who | events/s | of the script |",
        "|---|---|---|",
        *(f"| {who} | {rate:,.0f} | {rate / rates[BARE]:.2f} |" for who, rate in rates.items()),
        "",
        f"From the commit of an event to that of its handler, at rest: p50 {median:.0f} ms,",
        f"p95 {slow:.0f} ms ({len(seconds)} events, a relay and a consumer).",
        "",
        "## What was to be reached",
        "",
        *judged(
            [
                Figure("events of a relay in a second", rates[OURS], at_least=20_000),
                Figure("of that with a full table", crowded / rates[OURS], at_least=0.8),
                Figure("from commit to handler, p50", median, at_most=50, unit="ms"),
            ]
        ),
    ]
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    main()
