from __future__ import annotations

import pytest

from quintet.cli import CommandError
from quintet.fleet.description import load


@pytest.fixture
def judged(tmp_path):
    def _judged(text):
        file = tmp_path / "quintet.yaml"
        file.write_text(text, encoding="utf-8")
        return load(file)

    return _judged


@pytest.fixture
def refused(judged):
    def _refused(text):
        with pytest.raises(CommandError) as caught:
            judged(text)
        return caught.value.why

    return _refused


def test_the_description_of_this_repository_holds(pytestconfig):
    system = load(pytestconfig.rootpath / "quintet.yaml")

    assert set(system.services) == {"users", "products", "orders", "payments", "validation"}


def test_a_service_starts_after_what_it_depends_on(judged):
    system = judged("services: {b: {path: b, depends_on: [a]}, a: {path: a}}")

    assert system.start_order() == ("a", "b")


def test_the_callers_of_a_service_are_known(judged):
    system = judged("services: {b: {path: b, calls: [a]}, a: {path: a}}")

    assert system.callers_of("a") == ("b",)


EVENTS = """
resources: {db: {kind: postgres}, broker: {kind: redis}}
services:
  shop: {path: shop, uses: [db, broker], publishes: [shop.order.placed], worker: tidy}
  post: {path: post, uses: [db, broker], subscribes: [shop.order.placed]}
"""


def test_what_handles_events_and_what_publishes_them_runs_beside_a_service(judged):
    system = judged(EVENTS)

    assert system.processes() == ("shop", "shop-worker", "shop-relay", "post", "post-consumer")
    assert system.workers_of("post") == {"post-consumer": ("quintet_consume",)}


TASKS = """
resources: {broker: {kind: redis}}
services: {shop: {path: shop, uses: [broker], tasks: true, worker: tidy}}
"""


def test_a_worker_for_tasks_runs_beside_a_service_that_has_some(judged):
    assert judged(TASKS).workers_of("shop") == {
        "shop-worker": ("tidy",),
        "shop-tasks": ("quintet_tasks",),
    }


def test_tasks_without_a_queue_are_refused(refused):
    said = refused(TASKS.replace("uses: [broker], ", ""))

    assert "services.shop has tasks and uses no broker: add it to uses" in said


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("publishes: [shop.order.placed]", "publishes: [placed]", "is not named shop.thing"),
        ("publishes: [shop.order.placed]", "publishes: [post.order.placed]", "is not named shop"),
        ("subscribes: [shop.order.placed]", "subscribes: [shop.order.place]", "did you mean"),
        ("subscribes: [shop.order.placed]", "subscribes: [x]", "is published by nobody"),
        ("uses: [db, broker], subscribes", "uses: [db], subscribes", "uses no broker and db"),
    ],
)
def test_events_that_nobody_can_publish_or_handle_are_refused(refused, right, wrong, said):
    assert said in refused(EVENTS.replace(right, wrong))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: {a: {path: a, rotes: [/a]}}", "did you mean 'routes'?"),
        ("servces: {}", "did you mean 'services'?"),
        ("services: {a: {path: a, scale: {worker: 2}}}", "did you mean 'workers'?"),
        ("services: {a: {path: a, calls: [bb]}, bbb: {path: b}}", "did you mean 'bbb'?"),
        ("services: {a: {path: a, calls: [a]}}", "the service itself"),
        ("services: {a: {path: a, uses: [db]}}", "'db' is not declared"),
        ("services: {A-1: {path: a}}", "the service name 'A-1'"),
        ("services: {a: {path: a, routes: [x]}}", "not a path prefix"),
        ("services: {a: {path: a, routes: [/a/../b]}}", "not a path prefix"),
        ("services: {a: {path: a, routes: [/internal/v1]}}", "reserved"),
        ("services: {a: {path: a, routes: [/x]}, b: {path: b, routes: [/x]}}", "claimed by a"),
        (
            "services: {a: {path: a, depends_on: [b]}, b: {path: b, depends_on: [a]}}",
            "goes in a circle",
        ),
        ("services: {}", "at least 1"),
        ("services: {gateway: {path: a}}", "'gateway' is taken"),
        ("services: {pg_a: {path: a}}", "'pg_a' is taken"),
        ("gateway: {port: 0}\nservices: {a: {path: a}}", "gateway.port"),
        ("resources: {db: {kind: oracle}}\nservices: {a: {path: a}}", "resources.db.kind"),
        ("[]", "the file"),
    ],
)
def test_what_cannot_hold_is_refused_with_its_place(refused, text, said):
    assert said in refused(text)


def test_what_is_no_yaml_is_refused(judged):
    with pytest.raises(CommandError, match="not YAML"):
        judged("services: {")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        load(tmp_path / "quintet.yaml")


def test_a_route_that_only_begins_like_a_reserved_one_is_free(judged):
    assert judged("services: {a: {path: a, routes: [/healthcare]}}").services["a"].routes


def test_a_file_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "quintet.yaml").write_bytes(b"system: caf\xe9")

    with pytest.raises(CommandError, match="not YAML"):
        load(tmp_path / "quintet.yaml")
