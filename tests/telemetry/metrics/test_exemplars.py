"""Exemplars in a file, whole or not at all."""

from __future__ import annotations

import pytest
from prometheus_client.samples import Exemplar

from quintet.telemetry.metrics import exemplars
from quintet.telemetry.metrics.exemplars import (
    LONGEST_BYTES,
    RECORD_BYTES,
    ExemplarFile,
    Shown,
    read,
)

SHOWN = Shown('{trace_id="4bf9"}', 0.25, 1.5)


def keep(file, place, shown=SHOWN):
    file.keep(place, shown.labels.encode(), value=shown.value, timestamp=shown.timestamp)


@pytest.fixture
def page(tmp_path):
    return tmp_path / "histogram_17.db"


@pytest.fixture
def kept(page):
    file = ExemplarFile.beside(page)
    yield file
    file.close()


def test_what_was_kept_is_read(page, kept):
    keep(kept, 12)
    keep(kept, 16, SHOWN._replace(value=3.0))

    assert list(read(page)) == [(12, SHOWN), (16, SHOWN._replace(value=3.0))]


def test_only_the_last_one_of_a_place_is_kept(page, kept):
    keep(kept, 12, SHOWN._replace(labels='{trace_id="a much longer one"}'))
    keep(kept, 12)

    assert list(read(page)) == [(12, SHOWN)]


def test_without_a_file_there_are_none(page):
    assert list(read(page)) == []


def test_a_record_that_was_being_written_is_passed_over(page, kept):
    """At every byte at which a writer can be killed."""
    keep(kept, 12)
    keep(kept, 16)
    file = page.with_suffix(".exemplars")
    old = file.read_bytes()
    keep(kept, 12, Shown('{trace_id="00f0"}', 9.0, 2.5))
    new = file.read_bytes()

    for cut in range(RECORD_BYTES):
        file.write_bytes(new[:cut] + old[cut:])
        found = dict(read(page))
        assert found[16] == SHOWN
        assert found.get(12, SHOWN) in {SHOWN, Shown('{trace_id="00f0"}', 9.0, 2.5)}


def test_labels_that_are_too_long_are_not_kept(page, kept):
    keep(kept, 12, SHOWN._replace(labels="x" * (LONGEST_BYTES + 1)))
    keep(kept, 16)

    assert list(read(page)) == [(16, SHOWN)]


def test_there_is_room_for_so_many_and_not_for_more(page, kept, monkeypatch):
    for place in range(exemplars.MOST_EXEMPLARS + 10):
        keep(kept, place + 1)

    assert len(list(read(page))) == exemplars.MOST_EXEMPLARS


def test_labels_are_written_as_openmetrics_writes_them():
    exemplar = Exemplar({"trace_id": "4bf9", "who": 'a "b"\n\\'}, 0.25, None)

    assert exemplars.labels(exemplar) == rb'{trace_id="4bf9",who="a \"b\"\n\\"}'


def test_a_trace_needs_no_braces(page, kept):
    kept.keep(12, b"4bf9", value=0.25, timestamp=1.5)

    assert list(read(page)) == [(12, SHOWN)]
