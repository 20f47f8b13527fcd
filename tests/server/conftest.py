from __future__ import annotations

import pytest

from tests.server.running import Shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Two workers that only read: what a test does to one, the next test does not see."""
    served = Shop(tmp_path_factory.mktemp("shop") / "log", WEB_WORKERS="2")
    try:
        served.wait_until(served.answers)
        yield served
    finally:
        served.stop()


@pytest.fixture
def fragile(tmp_path):
    """Two workers and their metrics directory, for one test that hurts them."""
    (tmp_path / "metrics").mkdir()
    for name in ("counter_1.db", "counter_1-a7.new", "histogram_1.exemplars"):
        (tmp_path / "metrics" / name).write_bytes(b"left over from yesterday")
    served = Shop(tmp_path / "log", WEB_WORKERS="2", METRICS_DIR=str(tmp_path / "metrics"))
    try:
        served.wait_until(served.answers)
        yield served
    finally:
        served.stop()
