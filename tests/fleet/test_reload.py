from __future__ import annotations

import pytest

from quintet.fleet import reload
from quintet.fleet.description import System
from quintet.fleet.places import Places

SYSTEM = System.model_validate(
    {"services": {"a": {"path": "services/a", "depends_on": ["b"]}, "b": {"path": "services/b"}}}
)


@pytest.fixture
def places(tmp_path):
    return Places(root=tmp_path, state=tmp_path / ".quintet")


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ("services/a/a/views.py", ["a"]),
        ("src/quintet/errors.py", ["b", "a"]),
        ("services/ab/x.py", []),
        ("README.md", []),
    ],
)
def test_a_change_touches_its_service_and_the_chassis_touches_all(places, changed, names):
    assert reload.touched([places.root / changed], places, SYSTEM) == names


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("/x/services/a/a/views.py", True),
        ("/x/quintet.yaml", True),
        ("/x/services/a/tests/test_views.py", False),
        ("/x/services/a/__pycache__/views.py", False),
        ("/x/services/a/a/.views.py", False),
        ("/x/services/a/a/notes.txt", False),
    ],
)
def test_tests_and_hidden_files_do_not_count(path, counts):
    assert reload._matters(None, path) is counts
