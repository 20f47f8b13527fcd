from __future__ import annotations

import pytest

from quintet.views.phrases import phrase_of


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (404, "Not Found"),
        (413, "Content Too Large"),
        (422, "Unprocessable Content"),
        (599, "Status 599"),
    ],
)
def test_a_status_has_the_same_name_on_every_version_of_python(status, phrase):
    assert phrase_of(status) == phrase
