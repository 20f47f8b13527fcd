from __future__ import annotations

import asyncio

import pytest

from quintet.fleet import logbook
from quintet.fleet.logbook import LogBook, LogFile


@pytest.fixture
def book(tmp_path):
    made = LogBook(tmp_path)
    yield made
    made.close()


def test_a_file_never_takes_more_than_twice_its_limit(tmp_path):
    file = LogFile(tmp_path / "alpha.log", limit_bytes=1_000)

    for number in range(500):
        file.write(f"line {number} {'x' * 50}")
    file.close()

    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2_000


def test_the_size_of_an_earlier_run_counts(tmp_path):
    (tmp_path / "alpha.log").write_bytes(b"x" * 990 + b"\n")
    file = LogFile(tmp_path / "alpha.log", limit_bytes=1_000)

    file.write("first")
    file.write("second, beyond the limit")
    file.close()

    assert (tmp_path / "alpha.log").read_text(encoding="utf-8") == "second, beyond the limit\n"


def test_the_tail_reaches_into_the_file_before(tmp_path):
    (tmp_path / "alpha.log.1").write_text("one\ntwo\n", encoding="utf-8")
    (tmp_path / "alpha.log").write_text("three\n", encoding="utf-8")

    assert logbook.tail(tmp_path, "alpha", lines=2) == ["two", "three"]


def test_a_line_reaches_its_file_and_who_follows(book, tmp_path):
    async def story():
        with book.follow() as queue:
            book.add("alpha", "hello")
            return queue.get_nowait()

    assert asyncio.run(story()) == ("alpha", "hello")
    assert logbook.tail(tmp_path, "alpha", lines=5) == ["hello"]


def test_a_follower_that_sleeps_loses_the_oldest_lines(book, monkeypatch):
    monkeypatch.setattr(logbook, "QUEUE_LINES", 2)

    async def story():
        with book.follow() as queue:
            for word in ("one", "two", "three"):
                book.add("alpha", word)
            return queue.get_nowait()

    assert asyncio.run(story()) == ("alpha", "two")


def test_the_names_are_those_of_the_files(book, tmp_path):
    book.add("beta", "x")
    book.add("alpha", "x")

    assert logbook.names(tmp_path) == ["alpha", "beta"]


def test_a_full_disk_loses_lines_and_nothing_else(book, tmp_path):
    (tmp_path / "alpha.log").symlink_to("/dev/full")

    with book.follow() as queue:
        book.add("alpha", "a line")

    assert queue.get_nowait() == ("alpha", "a line")
