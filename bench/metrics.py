"""What counting costs: a request, a scrape, and the requests that are answered meanwhile.

The library's own way and ours take turns in processes of their own, so that a machine that slows
down slows both.

Run it with ``./quintet bench metrics --write``.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import closed_loop
from figures import Figure, judged
from over_server import free_port

from machine import RESULTS, described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from closed_loop import Measured

HERE = Path(__file__).parent
LABEL_SETS = 1_000
PROCESSES = 4
CONNECTIONS = 4
SCRAPE_EVERY_SECONDS = 0.5
PATIENCE_SECONDS = 60
REQUESTS = {
    "by_keyword": "the library, labels by keyword",
    "bound": "the library, children bound before",
    "quintet": "Quintet",
    "sampled": "Quintet, sampled; one exemplar in 100 ms",
    "exemplar": "Quintet, sampled; an exemplar each time",
    "line": "Quintet, a line of the log by its level",
}
SCRAPES = {"stock": "the library", "quintet": "Quintet"}
SERVED = {"": "nobody scrapes", "stock": "the library is scraped", "quintet": "Quintet is scraped"}

Figures = dict[str, list[float]]


def main() -> None:
    """Measure, print, and write the result down when asked to."""
    parser = argparse.ArgumentParser(prog="bench metrics", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="of load in each round")
    parser.add_argument("--write", action="store_true", help="keep the tables in results/")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quintet-bench-") as scratch:
        alone, several = requests(Path(scratch), options.rounds)
        with written(Path(scratch) / "pages") as pages:
            scraped = scrapes(pages, options.rounds)
            answered = meanwhile(pages, options)
    text = report((alone, several), scraped, answered)
    print(text)
    if options.write:
        (RESULTS / "metrics.md").write_text(text, encoding="utf-8")


def run(*arguments: str, pages: Path | None = None) -> str:
    """Run one of ``counting`` and return what it prints."""
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(pages)} if pages else {**os.environ}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, cwd=HERE, env=environ, capture_output=True, text=True, check=True
    ).stdout


def requests(scratch: Path, rounds: int) -> tuple[Figures, Figures]:
    """CPU microseconds of one request by its way, in a process alone, and in one of several."""
    alone, several = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for number in range(rounds):
        for way in REQUESTS:
            alone[way].append(float(run("counting.request", way)))
            pages = scratch / f"{way}-{number}"
            pages.mkdir()
            several[way].append(float(run("counting.request", way, pages=pages)))
    return alone, several


@contextmanager
def written(pages: Path) -> Iterator[Path]:
    """Let several processes count in one directory, and live until the end."""
    pages.mkdir()
    with ExitStack() as stack:
        for _ in range(PROCESSES):
            writer = subprocess.Popen(
                [sys.executable, "-m", "counting.writer", str(LABEL_SETS)],
                cwd=HERE,
                env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(pages)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(writer.communicate)
            if writer.stdout is None or writer.stdout.readline() != "counted\n":
                raise SystemExit("A process that was to count did not.")
        yield pages


def scrapes(pages: Path, rounds: int) -> dict[str, list[list[float]]]:
    """CPU and wall milliseconds of the first scrape, and of a later one, by its way."""
    found: dict[str, list[list[float]]] = {way: [] for way in SCRAPES}
    for _ in range(rounds):
        for way, figures in found.items():
            figures.append(json.loads(run("counting.scrape", way, pages=pages)))
    return found


def meanwhile(pages: Path, options: argparse.Namespace) -> dict[str, list[Measured]]:
    """How long requests take while somebody scrapes the process that answers them."""
    found: dict[str, list[Measured]] = {way: [] for way in SERVED}
    with serving(pages) as address:
        for number in range(options.rounds + 1):
            for way, figures in found.items():
                with scraping(address, way):
                    measured = closed_loop.run(
                        address, "/", connections=CONNECTIONS, seconds=options.seconds
                    )
                if number:  # the first round warms
                    figures.append(measured)
    return found


@contextmanager
def serving(pages: Path) -> Iterator[tuple[str, int]]:
    """Serve with one process, which reads what the others have counted."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "gunicorn", "counting.wsgi", "--no-control-socket"),
        *("--worker-class", "gthread", "--threads", "8", "--bind", f"127.0.0.1:{port}"),
    ]
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(pages)}
    with subprocess.Popen(command, cwd=HERE, env=environ, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: asked(("127.0.0.1", port), "/"))
            yield "127.0.0.1", port
        finally:
            process.send_signal(signal.SIGTERM)


@contextmanager
def scraping(address: tuple[str, int], way: str) -> Iterator[None]:
    """Scrape again and again, unless there is no way to."""
    over = threading.Event()

    def scrape() -> None:
        while way and not over.wait(SCRAPE_EVERY_SECONDS):
            asked(address, f"/{way}")

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def asked(address: tuple[str, int], path: str) -> bool:
    """Ask once, and say whether there was an answer."""
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().read() != b""
    except OSError:
        return False
    finally:
        connection.close()


def until(condition: Callable[[], bool]) -> None:
    """Look again and again, for a while."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > ends_at:
            raise SystemExit("The server did not start.")
        time.sleep(0.1)


def report(
    counted: tuple[Figures, Figures],
    scraped: dict[str, list[list[float]]],
    answered: dict[str, list[Measured]],
) -> str:
    """Render the tables."""
    alone, several = ({way: statistics.median(of[way]) for way in REQUESTS} for of in counted)
    columns = {
        way: list(map(statistics.median, zip(*scraped[way], strict=True))) for way in SCRAPES
    }
    rows = [
        "# What counting costs",
        "",
        described("prometheus-client", "gunicorn"),
        "Medians of rounds in which all ways take turns.",
        "",
        "## A request",
        "",
        "CPU microseconds for its count, its duration and the requests that are worked on.",
        "",
        "| | in a process that is alone | in one of several |",
        "|---|---|---|",
        *(
            f"| {label} | {alone[way]:.2f} | {several[way]:.2f} |"
            for way, label in REQUESTS.items()
        ),
        "",
        "## A scrape",
        "",
        f"{LABEL_SETS:,} label sets, each a counter and 12 buckets, from {PROCESSES} processes.",
        "",
        "| | first: CPU ms | wall ms | later: CPU ms | wall ms |",
        "|---|---|---|---|---|",
        *(
            f"| {label} | {' | '.join(f'{value:.1f}' for value in columns[way])} |"
            for way, label in SCRAPES.items()
        ),
        "",
        "## Requests while the process that answers them is scraped",
        "",
        f"gunicorn, one process, threads; a scrape every {SCRAPE_EVERY_SECONDS} s.",
        f"Load by {closed_loop.maker()} over {CONNECTIONS} connections, on the same machine.",
        "",
        "| | answers/s | p50 ms | p99 ms |",
        "|---|---|---|---|",
        *served(answered),
        "",
        "## What was to be reached",
        "",
        *judged(figures(alone, several, columns)),
    ]
    return "\n".join([*rows, ""])


def served(answered: dict[str, list[Measured]]) -> Iterator[str]:
    """One row for each way to be scraped."""
    for way, label in SERVED.items():
        cuts = (
            statistics.median(getattr(one, cut) for one in answered[way])
            for cut in ("per_second", "p50", "p99")
        )
        yield "| {} | {:.0f} | {:.2f} | {:.1f} |".format(label, *cuts)


def figures(
    alone: dict[str, float], several: dict[str, float], columns: dict[str, list[float]]
) -> Iterator[Figure]:
    """What the figures of the design became."""
    yield Figure("a request, alone", alone["quintet"], at_most=2.0, unit="µs")
    yield Figure("a request, one of several", several["quintet"], at_most=4.0, unit="µs")
    exemplar = several["exemplar"] - several["quintet"]
    yield Figure("an exemplar, one of several", exemplar, at_most=1.0, unit="µs")
    yield Figure("a line of the log, one of several", several["line"], at_most=0.3, unit="µs")
    for label, value in zip(("first", "later"), columns["quintet"][1::2], strict=True):
        yield Figure(f"a {label} scrape, wall", value, at_most=150.0, unit="ms")


if __name__ == "__main__":
    main()
