"""Reading the pages of several processes, and whatever else may lie beside them."""

from __future__ import annotations

import json
import logging
import os
import struct

import pytest

from quintet.errors import UnavailableException
from quintet.telemetry.metrics import shelf as shelves
from quintet.telemetry.metrics import sources
from quintet.telemetry.metrics.breath import Breath
from quintet.telemetry.metrics.content import content, is_marked
from quintet.telemetry.metrics.pages import FilePage, entry
from quintet.telemetry.metrics.shelf import Found, Shelf
from quintet.telemetry.metrics.sources import Sources
from quintet.telemetry.metrics.text import Text
from quintet.telemetry.metrics.tidying import is_over


def key(name, family=None, **labels):
    return json.dumps([family or name, name, labels, "About it."], sort_keys=True)


class Directory:
    """A shelf, the pages that this process writes to it, and what is read from it."""

    def __init__(self, path):
        self.path = path
        self.shelf = Shelf(path)
        self.sources = Sources(self.shelf)
        self.opened = []

    def page(self, kind="counter"):
        self.opened.append(FilePage(self.path, kind))
        return self.opened[-1]

    def count(self, page, name, number):
        page.numbers[page.place(name)] += number

    def text(self, *, openmetrics=False):
        sums = self.sources.add_up(Breath())
        return Text(self.sources.index, sums, openmetrics=openmetrics, breath=Breath()).written()

    def lines(self, **how):
        return [line for line in self.text(**how).splitlines() if not line.startswith("#")]


@pytest.fixture
def directory(tmp_path):
    made = Directory(tmp_path)
    yield made
    for page in made.opened:
        page.close()


def test_an_empty_directory_says_nothing(directory):
    assert directory.text() == ""


def test_what_is_new_is_found_at_the_next_scrape_and_what_is_known_is_added_up_again(directory):
    first, second = directory.page(), directory.page()
    directory.count(first, key("lamps_total", room="hall"), 1)
    assert directory.lines() == ['lamps_total{room="hall"} 1.0']

    directory.count(first, key("lamps_total", room="hall"), 1)
    directory.count(second, key("lamps_total", room="hall"), 5)
    directory.count(first, key("lamps_total", room="attic"), 2)

    assert directory.lines() == ['lamps_total{room="hall"} 7.0', 'lamps_total{room="attic"} 2.0']


def test_what_is_on_no_page_any_more_is_not_shown(directory):
    first, second = directory.page(), directory.page()
    directory.count(first, key("lamps_total", room="hall"), 1)
    directory.count(second, key("lamps_total", room="attic"), 2)
    directory.lines()

    first.path.unlink()

    assert directory.lines() == ['lamps_total{room="attic"} 2.0']


def test_another_page_of_the_same_name_is_read_from_its_beginning(directory):
    page = directory.page()
    directory.count(page, key("lamps_total", room="hall"), 1)
    directory.lines()
    page.path.unlink()

    again = directory.page()
    directory.count(again, key("lamps_total", room="attic"), 2)
    directory.count(again, key("lamps_total", room="hall"), 3)

    assert again.path == page.path
    assert sorted(directory.lines()) == [
        'lamps_total{room="attic"} 2.0',
        'lamps_total{room="hall"} 3.0',
    ]


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"junk", id="short"),
        pytest.param(b"left over from yesterday", id="words"),
        pytest.param(struct.pack("=i4s", 1 << 30, b"\0" * 4), id="says it is longer than it is"),
        pytest.param(struct.pack("=i4s", -8, b"\0" * 4), id="says it is shorter than nothing"),
    ],
)
def test_a_file_that_is_no_page_is_passed_over(directory, written):
    (directory.path / "counter_1.db").write_bytes(written)
    directory.count(directory.page(), key("lamps_total"), 1)

    assert directory.lines() == ["lamps_total 1.0"]


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(
            struct.pack("=i12sdd", 12, b"no json here", 1, 0), id="a key that is not JSON"
        ),
        pytest.param(struct.pack("=i12sdd", 12, b'{"a": "b"}  ', 1, 0), id="a key that is no list"),
        pytest.param(
            struct.pack("=i12sdd", 900, b"", 1, 0), id="a key that is longer than the page"
        ),
        pytest.param(struct.pack("=i12sdd", 0, b"", 1, 0), id="no key"),
    ],
)
def test_a_broken_page_is_told_of_and_costs_no_other(directory, entry, caplog):
    written = struct.pack("=i4s", 8 + len(entry), b"\0" * 4) + entry
    (directory.path / "counter_1.db").write_bytes(written)
    directory.count(directory.page(), key("lamps_total"), 1)

    with caplog.at_level(logging.ERROR):
        assert directory.lines() == ["lamps_total 1.0"]

    assert "a page of metrics is broken" in caplog.text


def test_an_exemplar_stands_beside_its_bucket_in_openmetrics_only(directory):
    page = directory.page("histogram")
    bucket = key("took_bucket", "took", le="1.0")
    directory.count(page, bucket, 1)
    directory.count(page, key("took_sum", "took"), 0.5)

    page.exemplars.keep(
        page.place(bucket), b'{trace_id="4bf9"}', value=0.5, timestamp=1_700_000_000.25
    )

    assert directory.lines() == ['took_bucket{le="1.0"} 1.0', "took_count 1.0", "took_sum 0.5"]
    assert directory.lines(openmetrics=True)[0] == (
        'took_bucket{le="1.0"} 1.0 # {trace_id="4bf9"} 0.5 1700000000.25'
    )


def test_of_the_exemplars_of_several_processes_the_youngest_is_shown(directory):
    bucket = key("took_bucket", "took", le="1.0")
    for moment in (1.0, 3.0, 2.0):
        page = directory.page("histogram")
        directory.count(page, bucket, 1)
        text = f'{{trace_id="{moment}"}}'.encode()
        page.exemplars.keep(page.place(bucket), text, value=0.5, timestamp=moment)

    assert 'trace_id="3.0"' in directory.lines(openmetrics=True)[0]


def test_while_pages_are_moved_nobody_reads_and_nobody_waits_for_ever(directory, monkeypatch):
    monkeypatch.setattr(shelves, "WAIT_SECONDS", 0.01)

    with directory.shelf.moving() as alone, pytest.raises(UnavailableException):
        directory.text()

    assert alone


def test_while_pages_are_read_others_may_read_and_nobody_moves_them(directory):
    with directory.shelf.reading():
        assert directory.text() == ""
        with Shelf(directory.path).moving() as alone:
            assert not alone


def test_a_directory_that_is_gone_cannot_be_read(tmp_path):
    with pytest.raises(UnavailableException):
        Sources(Shelf(tmp_path / "nowhere")).add_up(Breath())


def test_a_page_that_goes_while_it_is_looked_at_is_none(directory):
    gone = Found(directory.path / "counter_1.db", "counter", "1")

    assert content(gone.path) is None
    assert not is_marked(gone.path)
    assert not is_over(gone)


def test_a_page_that_goes_between_the_look_and_the_reading_is_passed_over(directory, monkeypatch):
    gone = Found(directory.path / "counter_1.db", "counter", "1")
    monkeypatch.setattr(Shelf, "pages", lambda self: [gone])

    assert directory.text() == ""


def test_an_exemplar_of_a_place_that_nobody_knows_is_passed_over(directory):
    page = directory.page("histogram")
    directory.count(page, key("took_bucket", "took", le="1.0"), 1)
    page.exemplars.keep(3, b"{}", value=0.5, timestamp=1.0)
    page.exemplars.keep(9_999, b"{}", value=0.5, timestamp=1.0)

    assert "#" not in "".join(directory.lines(openmetrics=True))


def test_the_processes_of_pages_are_known_by_name_where_the_page_is_ours(directory):
    directory.page()
    (directory.path / "counter_1.db").write_bytes(bytes(16))
    (directory.path / "counter_uwsgi-1.db").write_bytes(bytes(16))

    assert directory.shelf.pids() == {os.getpid()}


def test_lines_of_processes_that_are_gone_are_forgotten_in_the_end(directory, monkeypatch):
    monkeypatch.setattr(sources, "MOST_GONE", 10)
    page = directory.page()
    directory.count(page, key("lamps_total"), 1)

    remembered = []
    for number in range(100):
        written = struct.pack("=i4s", 8, b"Q123")
        entry_of = entry(key("level", room=f"{number}").encode(), float(number))
        path = directory.path / f"gauge_liveall_{number + 1}.db"
        path.write_bytes(struct.pack("=i", 8 + len(entry_of)) + written[4:] + entry_of)
        expected = f'level{{room="{number}",pid="{number + 1}"}} {number}.0'
        assert expected in directory.lines()
        path.unlink()
        remembered.append(len(directory.sources.index.beginnings))

    assert max(remembered) < 20
    assert directory.lines() == ["lamps_total 1.0"]
