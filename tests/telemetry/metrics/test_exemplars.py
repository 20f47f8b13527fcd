"""Exemplars in a file, whole or not at all."""

from __future__ import annotations

import pytest
from prometheus_client.samples import Exemplar

from quintet.telemetry.metrics import exemplars
from quintet.telemetry.metrics.exemplars import RECORD_BYTES, ExemplarFile, Shown, read

SHOWN = Shown('{trace_id="4bf9"}', 0.25, 1.5)


@pytest.fixture
def page(tmp_path):
    return tmp_path / "histogram_17.db"


@pytest.fixture
def kept(page):
    file = ExemplarFile.beside(page)
    yield file
    file.close()


def test_what_was_kept_is_read(page, kept):
    kept.keep(12, SHOWN)
    kept.keep(16, SHOWN._replace(value=3.0))

    assert list(read(page)) == [(12, SHOWN), (16, SHOWN._replace(value=3.0))]


def test_only_the_last_one_of_a_place_is_kept(page, kept):
    kept.keep(12, SHOWN._replace(labels='{trace_id="a much longer one"}'))
    kept.keep(12, SHOWN)

    assert list(read(page)) == [(12, SHOWN)]


def test_without_a_file_there_are_none(page):
    assert list(read(page)) == []


def test_a_record_that_was_being_written_is_passed_over(page, kept):
    """At every byte at which a writer can be killed."""
    kept.keep(12, SHOWN)
    kept.keep(16, SHOWN)
    file = page.with_suffix(".exemplars")
    old = file.read_bytes()
    kept.keep(12, Shown('{trace_id="00f0"}', 9.0, 2.5))
    new = file.read_bytes()

    for cut in range(RECORD_BYTES):
        file.write_bytes(new[:cut] + old[cut:])
        found = dict(read(page))
        assert found[16] == SHOWN
        assert found.get(12, SHOWN) in {SHOWN, Shown('{trace_id="00f0"}', 9.0, 2.5)}


def test_labels_that_are_too_long_are_not_kept(page, kept):
    kept.keep(12, SHOWN._replace(labels="x" * RECORD_BYTES))
    kept.keep(16, SHOWN)

    assert list(read(page)) == [(16, SHOWN)]


def test_there_is_room_for_so_many_and_not_for_more(page, kept, monkeypatch):
    for place in range(exemplars.MOST_EXEMPLARS + 10):
        kept.keep(place + 1, SHOWN)

    assert len(list(read(page))) == exemplars.MOST_EXEMPLARS


def test_labels_are_written_as_openmetrics_writes_them():
    exemplar = Exemplar({"trace_id": "4bf9", "who": 'a "b"\n\\'}, 0.25, None)

    assert exemplars.shown(exemplar) == Shown(r'{trace_id="4bf9",who="a \"b\"\n\\"}', 0.25, 0.0)
