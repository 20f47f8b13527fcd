from __future__ import annotations

import os
import threading

import pytest

from quintet import health
from quintet.health import CheckResult, HealthChecker, checker
from quintet.lifecycle import phase


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    monkeypatch.setattr("quintet.health.registry._registered", {})
    health.reset()
    yield
    health.reset()


def well():
    return CheckResult(healthy=True, details={"rooms": 3})


def sick():
    return CheckResult(healthy=False)


def test_a_report_has_the_shape_of_the_source():
    made = HealthChecker()
    made.add("house", well)
    made.add("garden", sick)

    report = made.check_all()

    assert list(report) == ["healthy", "service", "version", "timestamp", "checks"]
    assert (report["healthy"], report["service"], report["version"]) == (False, "project", "1.0.0")
    assert report["checks"]["house"]["rooms"] == 3


def test_all_checks_run_side_by_side():
    meeting = threading.Barrier(2)

    def meet():
        meeting.wait(timeout=30)
        return CheckResult(healthy=True)

    made = HealthChecker()
    made.add("one", meet, timeout_seconds=30)
    made.add("two", meet, timeout_seconds=30)

    assert made.check_all()["healthy"]


def test_only_hard_checks_decide_about_readiness():
    made = HealthChecker()
    made.add("house", well, hard=True)
    made.add("garden", sick)

    assert made.ready()


def test_a_service_is_not_ready_before_its_first_success():
    made = HealthChecker()
    made.add("house", sick, hard=True)

    assert not made.ready()


def test_one_failure_does_not_make_a_service_unready():
    answers = [well(), sick(), sick(), sick()]
    made = HealthChecker()
    made.add("house", lambda: answers.pop(0), hard=True, fresh_seconds=0)

    assert [made.ready() for _ in range(4)] == [True, True, True, False]


def test_a_name_is_given_once():
    made = HealthChecker()
    made.add("house", well)

    with pytest.raises(ValueError, match="'house'"):
        made.add("house", well)


def test_a_service_registers_checks_of_its_own():
    health.register("provider", sick, hard=True)

    assert checker() is checker()
    assert not checker().ready()


@pytest.mark.django_db(transaction=True)
def test_the_standard_checks_are_those_that_the_settings_call_for(downstream):
    assert set(checker().check_all()["checks"]) == {
        "database", "migrations", "external_services", "disk_space", "memory",
    }  # fmt: skip


def test_a_changed_setting_makes_a_new_checker(settings):
    before = checker()
    settings.QUINTET = settings.QUINTET

    assert checker() is not before


def test_a_forked_child_starts_with_a_checker_of_its_own():
    before = checker()
    child = os.fork()
    if child == 0:
        os._exit(0 if checker() is not before else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_draining_service_is_not_ready_and_asks_nobody():
    asked = []
    made = HealthChecker()
    made.add("house", lambda: asked.append(True) or well(), hard=True)
    phase.begin_draining()

    try:
        assert not made.ready()
    finally:
        phase.begin_serving()
    assert asked == []


def test_what_makes_a_service_unready_is_logged_once_and_so_is_its_return(captured_logs):
    found = [sick(), sick(), well()]
    made = HealthChecker()
    made.add("house", lambda: found.pop(0), hard=True, fresh_seconds=0)

    answers = [made.ready() for _ in range(3)]

    said = [(line["message"], line.get("because")) for line in captured_logs]
    assert answers == [False, False, True]
    assert said == [("not ready", ["house"]), ("ready", None)]
