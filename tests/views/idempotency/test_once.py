from __future__ import annotations

import threading
from collections import Counter

import pytest
from django.db import OperationalError, connections

from quintet.testing import identity
from quintet.testing.api import Api
from quintet.views.idempotency import keeping
from quintet.views.idempotency.models import KeyRecord
from quintet.views.idempotency.once import KEYS
from tests.views.idempotency.conftest import later, titles
from tests.views.idempotency.doors import Surprise

pytestmark = [pytest.mark.urls("tests.views.idempotency.doors"), pytest.mark.django_db]

DAY = 86_400


def counted(outcome):
    return KEYS.labels(outcome)._value.get()


def code(response):
    return response.json()["error"]["code"]


@pytest.mark.parametrize("path", ["/books/", "/loans/"])
def test_the_same_key_again_has_no_further_effect_and_gets_the_same_answer(ask, path):
    first, second = ask(path=path), ask(path=path)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second["Location"] == first["Location"]
    assert titles() == ["Walden"]


def test_only_a_replay_says_that_it_is_one(ask):
    assert "Idempotent-Replayed" not in ask()
    assert ask()["Idempotent-Replayed"] == "true"


def test_a_replay_has_the_content_type_and_no_header_that_was_meant_once(ask):
    first, second = ask(), ask()

    assert second["Content-Type"] == first["Content-Type"] == "application/json"
    assert "X-Other" in first
    assert "X-Other" not in second


def test_another_key_is_another_deed(ask):
    assert ask("k1").json()["deed"] != ask("k2").json()["deed"]
    assert titles() == ["Walden", "Walden"]


def test_a_key_in_quotes_is_the_same_key(ask):
    ask('"k1"')

    assert ask("k1")["Idempotent-Replayed"] == "true"


def test_a_missing_key_is_refused_where_one_is_required(ask):
    response = ask(None)

    assert response.status_code == 400
    assert "Idempotency-Key" in response.json()["error"]["details"]["field_errors"]
    assert titles() == []


def test_a_missing_key_is_no_matter_where_none_is_required(ask):
    answers = [ask(None, path="/books/1/", method="put") for _ in range(2)]

    assert [it.status_code for it in answers] == [201, 201]
    assert len({it.json()["deed"] for it in answers}) == 2


@pytest.mark.parametrize("key", ["", '""', "k" * 256, "k\u00e9y", "a\tb"])
def test_a_key_that_is_none_is_refused(ask, key):
    assert ask(key).status_code == 400
    assert titles() == []


def test_a_key_belongs_to_the_caller(ask):
    mine, theirs = ask("k1"), ask("k1", by=Api().as_user(8))

    assert theirs.status_code == 201
    assert theirs.json() != mine.json()


def test_a_user_and_a_service_of_the_same_name_are_two_callers(ask):
    ask("k1", path="/between/", by=Api().as_service("orders"))

    assert KeyRecord.objects.count() == 1
    assert ask("k1", path="/books/", by=Api().as_user(7)).status_code == 201
    assert KeyRecord.objects.count() == 2


def test_a_key_belongs_to_the_route(ask):
    ask("k1", path="/books/")

    assert "Idempotent-Replayed" not in ask("k1", path="/loans/")


def test_a_caller_without_a_token_has_no_keys(ask):
    assert ask(path="/open/", by=Api()).status_code == 401
    assert KeyRecord.objects.count() == 0


def test_the_key_with_another_body_is_refused(ask):
    ask(title="Walden")

    response = ask(title="Emma")

    assert response.status_code == 422
    assert response.json()["error"]["details"]["business_rule"] == "idempotency_key_reused"
    assert titles() == ["Walden"]


def test_the_key_for_another_object_of_the_route_is_refused(ask):
    ask("k1", path="/books/1/", method="put")

    assert ask("k1", path="/books/2/", method="put").status_code == 422


def test_a_refusal_by_a_rule_is_kept(ask, faults):
    faults.waiting = ["rule"]

    first, second = ask(), ask()

    assert (first.status_code, second.status_code) == (422, 422)
    assert second.content == first.content
    assert titles() == []


@pytest.mark.parametrize(
    ("fault", "status"), [("conflict", 409), ("unavailable", 503), ("mistake", 500)]
)
def test_what_may_go_well_later_is_not_kept(ask, faults, fault, status):
    faults.waiting = [fault]

    assert ask().status_code == status

    assert ask().status_code == 201
    assert titles() == ["Walden"]


def test_a_malformed_request_may_be_mended_under_the_same_key(reader):
    headers = {"Idempotency-Key": "k1", "content_type": "application/json"}
    broken = reader.generic("POST", "/books/", "{", headers=headers)
    assert broken.status_code == 400

    mended = reader.post("/books/", {"title": "Emma"}, headers={"Idempotency-Key": "k1"})

    assert mended.status_code == 201


def test_an_error_that_the_handler_returns_leaves_the_key_free(ask):
    assert ask(path="/returned/").status_code == 409
    assert "Idempotent-Replayed" not in ask(path="/returned/")


def test_what_commits_by_itself_finds_its_first_attempt_by_the_deed(ask, faults):
    """The naive version makes a new name for each attempt, and does the deed twice."""
    faults.waiting = ["unavailable"]
    ask(path="/loans/")
    (attempted,) = KeyRecord.objects.values_list("deed", flat=True)

    repeated = ask(path="/loans/")

    assert repeated.json()["deed"] == str(attempted)


def test_a_crash_undoes_the_effect_with_the_answer(ask, faults):
    faults.waiting = ["crash"]
    with pytest.raises(Surprise):
        ask()
    assert titles() == []
    assert ask().status_code == 409  # as long as the lease may be somebody's

    later(31)

    assert ask().status_code == 201
    assert titles() == ["Walden"]


def test_an_attempt_under_way_is_a_conflict_that_says_when_to_ask_again(ask, faults):
    inside = []
    faults.meanwhile = [lambda: inside.append(ask(path="/loans/"))]

    assert ask(path="/loans/").status_code == 201

    assert [(it.status_code, it["Retry-After"]) for it in inside] == [(409, "1")]
    assert code(inside[0]) == "CONFLICT"
    assert titles() == ["Walden"]


def test_who_wakes_up_without_the_lease_has_no_effect(ask, faults):
    """The naive version marks the key as done whoever holds it."""

    def overtake():
        later(31)
        assert ask(path="/loans/").status_code == 201

    faults.meanwhile = [overtake]

    overtaken = ask(path="/loans/")

    assert overtaken.status_code == 409
    assert ask(path="/loans/")["Idempotent-Replayed"] == "true"


def test_after_its_time_a_key_is_a_new_one(ask):
    first = ask()
    later(DAY + 1)

    second = ask(title="Emma")

    assert second.status_code == 201
    assert second.json()["deed"] != first.json()["deed"]


def test_an_answer_is_kept_as_long_as_the_setting_says(ask, declare):
    declare(IDEMPOTENCY_SECONDS="60")
    ask()
    later(61)

    assert "Idempotent-Replayed" not in ask()


@pytest.mark.parametrize("path", ["/long/", "/streamed/"])
def test_an_answer_that_is_too_long_is_not_kept_and_the_deed_not_repeated(ask, path):
    assert ask(path=path).status_code == 200

    repeated = ask(path=path)

    assert repeated.status_code == 409
    assert "done before" in repeated.json()["error"]["message"]
    assert titles() == ["Walden"]


def test_keys_that_have_expired_are_buried_by_those_that_come(ask):
    for number in range(6):
        ask(f"old-{number}")
    later(DAY + 1)

    for number in range(3):
        ask(f"new-{number}")

    assert KeyRecord.objects.count() == 3


def test_nothing_is_done_while_the_keys_cannot_be_asked(ask, monkeypatch):
    def away(*_):
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(keeping, "claim", away)

    assert ask().status_code == 503
    assert titles() == []


def test_the_table_shows_neither_key_nor_caller(ask):
    ask("a-key-to-look-for")

    (row,) = KeyRecord.objects.values()
    assert "a-key-to-look-for" not in str(row)
    assert str(KeyRecord.objects.get()).endswith(": 201")


def test_what_became_of_keys_is_counted(ask):
    before = {name: counted(name) for name in ("new", "replayed", "reused", "under_way")}

    ask()
    ask()
    ask(title="Emma")

    after = {name: counted(name) - value for name, value in before.items()}
    assert after == {"new": 1, "replayed": 1, "reused": 1, "under_way": 0}


@pytest.mark.django_db(transaction=True)
def test_fifty_requests_at_once_have_one_effect():
    """The naive version looks for the key, finds none, and does the deed, fifty times over."""
    begin, statuses = threading.Barrier(50), []

    def ask():
        caller = identity.as_user(Api(raise_request_exception=False), 7)
        begin.wait()
        response = caller.post(
            "/books/", {"title": "Walden"}, headers={"Idempotency-Key": "all-the-same"}
        )
        statuses.append(response.status_code)
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert titles() == ["Walden"]
    assert set(statuses) <= {201, 409, 503}
    assert Counter(statuses)[201] >= 1
