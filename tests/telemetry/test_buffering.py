from __future__ import annotations

import asyncio
import logging
import threading
from contextvars import copy_context

import pytest
import structlog

from quintet.telemetry import buffering
from quintet.telemetry.buffering import Buffer
from quintet.telemetry.logs import get_logger

log = get_logger("shop.till")
stdlib = logging.getLogger("shop.stdlib")


@pytest.fixture(autouse=True)
def watching(written):
    buffering.watch({"shop"})


@pytest.fixture
def buffer():
    """What the running request keeps: five lines at most."""
    made = Buffer(5)
    with buffering.running(made):
        yield made


def test_what_is_below_the_level_is_kept_and_written_in_order(written, buffer):
    log.debug("asked", price=3)
    stdlib.debug("answered %d", 4, extra={"currency": "EUR"})
    assert written.lines() == []

    buffer.write()

    asked, answered = written.lines()
    assert (asked["message"], asked["price"], asked["level"]) == ("asked", 3, "DEBUG")
    assert (answered["message"], answered["currency"]) == ("answered 4", "EUR")
    assert asked["buffered"] is answered["buffered"] is True


def test_what_is_at_the_level_is_written_at_once_and_not_again(written, buffer):
    log.info("paid")
    stdlib.warning("late")

    buffer.write()

    assert [line["message"] for line in written.lines()] == ["paid", "late"]
    assert not any("buffered" in line for line in written.lines())


def test_a_line_has_the_time_at_which_it_was_logged(written, buffer, monkeypatch):
    log.debug("early")
    kept = buffer._kept[0][1]
    kept.created = 0.0

    buffer.write()

    assert written.line()["timestamp"] == "1970-01-01T00:00:00Z"


def test_outside_a_request_nothing_is_enabled_and_nothing_is_kept(written):
    log.debug("unheard")
    stdlib.debug("unheard")

    assert not stdlib.isEnabledFor(logging.DEBUG)
    assert written.lines() == []


def test_the_loggers_of_others_are_not_asked(written, buffer):
    foreign = logging.getLogger("urllib3.made_later")

    foreign.debug("noise")

    assert not foreign.isEnabledFor(logging.DEBUG)
    assert not isinstance(foreign, buffering._Offering)
    assert buffer._kept is None


@pytest.mark.parametrize("name", ["shop.made_later", "shop"])
def test_a_logger_that_is_made_later_offers_its_lines(name, written, buffer):
    logging.root.manager.loggerDict.pop("shop.made_later", None)

    logging.getLogger(name).debug("late")

    buffer.write()
    assert written.line()["logger"] == name


def test_a_name_that_only_begins_alike_is_not_ours(buffer):
    assert not logging.getLogger("shopping.cart").isEnabledFor(logging.DEBUG)


def test_the_line_of_each_request_is_not_kept(buffer):
    buffering.watch({"quintet"})

    assert logging.getLogger("quintet.flights").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("quintet.access").isEnabledFor(logging.DEBUG)


def test_only_the_last_lines_are_kept_and_the_first_of_them_says_so(written, buffer):
    for number in range(8):
        log.debug("tick", number=number)

    buffer.write()

    lines = written.lines()
    assert [line["number"] for line in lines] == [3, 4, 5, 6, 7]
    assert [line.get("lines_not_kept") for line in lines] == [3, None, None, None, None]


@pytest.mark.parametrize("bulk", ["x", b"x"])
def test_what_is_kept_is_bounded_in_bytes_as_well(bulk, buffer):
    for _ in range(3):
        log.debug("bulk", text=bulk * (buffering.MOST_BYTES // 2))
    stdlib.debug("bulk %s", bulk * buffering.MOST_BYTES)

    assert len(buffer._kept) == 0
    assert buffer._bytes == 0


def test_nothing_is_rendered_before_the_request_fails(buffer):
    class Costly:
        def __str__(self):
            raise AssertionError("rendered")

    log.debug("seen", value=Costly())
    stdlib.debug("seen %s", Costly())

    assert len(buffer._kept) == 2


@pytest.mark.parametrize("shelf", [[1], {1: 1}, {1}], ids=["list", "dict", "set"])
def test_a_small_collection_is_shown_as_it_was(written, buffer, shelf):
    log.debug("shelf", shelf=shelf)
    stdlib.debug("shelf %s", shelf)
    before = str(shelf)
    shelf.clear()

    buffer.write()

    ours, theirs = written.lines()
    assert ours["shelf"] in ([1], {"1": 1})
    assert theirs["message"] == f"shelf {before}"


def test_a_mapping_of_arguments_is_rendered_like_any_other(written, buffer):
    stdlib.debug("%(name)s paid", {"name": "jo"})

    buffer.write()

    assert written.line()["message"] == "jo paid"


def test_a_message_need_not_be_text_and_arguments_need_not_be_there(written, buffer):
    stdlib.debug(ValueError("dark"))
    stdlib.handle(logging.makeLogRecord({"msg": "bare", "args": None, "levelno": logging.DEBUG}))

    buffer.write()

    assert [line["message"] for line in written.lines()] == ["dark", "bare"]


def test_secrets_are_hidden_as_in_every_line(written, buffer):
    log.debug("login with password=hunter2", password="hunter2")

    buffer.write()

    assert "hunter2" not in written.getvalue()


def test_a_line_has_the_fields_that_were_bound_when_it_was_logged(written, buffer):
    with structlog.contextvars.bound_contextvars(tenant="acme"):
        log.debug("early")
        stdlib.debug("early")
    structlog.contextvars.bind_contextvars(tenant="other", late=True)

    buffer.write()

    assert [line["tenant"] for line in written.lines()] == ["acme", "acme"]
    assert not any("late" in line for line in written.lines())
    assert structlog.contextvars.get_contextvars() == {"tenant": "other", "late": True}


def test_what_was_written_is_not_written_again(written, buffer):
    log.debug("once")

    buffer.write()
    buffer.write()

    assert len(written.lines()) == 1


def test_a_request_that_logs_nothing_writes_nothing(written, buffer):
    buffer.write()

    assert written.lines() == []


def test_lines_of_the_threads_and_tasks_of_a_request_are_kept(written):
    made = Buffer(300)

    async def tick(name: str) -> None:
        for number in range(25):
            log.debug("tick", of=name, number=number)
            await asyncio.sleep(0)
        await asyncio.to_thread(log.debug, "thread", of=name)

    async def both() -> None:
        await asyncio.gather(tick("a"), tick("b"))

    with buffering.running(made):
        asyncio.run(both())
        threads = [threading.Thread(target=copy_context().run, args=(many,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    made.write()

    assert len(written.lines()) == 2 * 26 + 4 * 50


def many() -> None:
    for _ in range(50):
        log.debug("many")


def test_two_requests_keep_lines_of_their_own(written):
    first, second = Buffer(5), Buffer(5)

    with buffering.running(first):
        log.debug("first")
        with buffering.running(second):
            log.debug("second")
        log.debug("first again")
    first.write()

    assert [line["message"] for line in written.lines()] == ["first", "first again"]


@pytest.mark.parametrize("level", [5, logging.NOTSET])
def test_what_is_below_debug_is_nobodys(buffer, level):
    log.log(level, "whisper")

    assert buffer._kept is None


def test_a_logger_that_is_switched_off_offers_nothing(buffer):
    logging.disable(logging.DEBUG)
    stdlib.debug("unheard")
    logging.disable(logging.NOTSET)

    assert buffer._kept is None


def test_the_filters_of_a_logger_judge_before_a_line_is_kept(written, buffer):
    def judge(record):
        if record.msg == "refused":
            return False
        record.msg = "filtered"
        return True

    stdlib.addFilter(judge)
    stdlib.debug("refused")
    stdlib.debug("taken")
    stdlib.removeFilter(judge)

    buffer.write()
    assert written.line()["message"] == "filtered"


def test_a_filter_may_put_another_record_in_place(written, buffer):
    another = logging.makeLogRecord({"msg": "another", "name": "shop", "levelno": logging.DEBUG})
    stdlib.filter = lambda _: another
    stdlib.debug("one")
    del stdlib.filter

    buffer.write()
    assert written.line()["message"] == "another"


def test_a_record_that_is_handed_over_is_handled_whatever_its_level(written):
    stdlib.handle(logging.makeLogRecord({"msg": "from afar", "levelno": 10, "name": "shop.stdlib"}))

    assert written.line()["message"] == "from afar"


def test_a_logger_of_another_kind_stays_one_and_offers_its_lines_too(written, buffer):
    class Kind(logging.Logger):
        pass

    logging.setLoggerClass(logging.Logger)
    logging.setLoggerClass(Kind)
    made = logging.getLogger("shop.of_a_kind")
    buffering.watch({"shop"})

    made.debug("offered")
    foreign = logging.getLogger("elsewhere.of_a_kind")

    buffer.write()
    assert isinstance(made, Kind)
    assert type(foreign) is Kind
    assert written.line()["message"] == "offered"


def test_a_kind_that_is_made_of_ours_is_left_as_it_is():
    class Kind(logging.getLoggerClass()):
        pass

    assert type(Kind("elsewhere.further")) is Kind


@pytest.fixture(autouse=True)
def as_before():
    kind = logging.getLoggerClass()
    yield
    logging.setLoggerClass(logging.Logger)
    logging.setLoggerClass(kind)
