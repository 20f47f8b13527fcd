from __future__ import annotations

import asyncio
import logging

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, override_settings
from django.urls import path

from quintet import conf
from quintet.middleware.buffer import BufferMiddleware, own_packages
from quintet.telemetry.logs import get_logger
from tests.middleware.rooms import urlpatterns as rooms

log = get_logger("tests.buffer")


def lines(captured):
    return [line["message"] for line in captured if line["logger"] == "tests.buffer"]


def answering(status):
    def view(_):
        log.debug("asked")
        return HttpResponse(status=status)

    return BufferMiddleware(view)


@pytest.mark.parametrize(
    ("status", "written"), [(200, []), (404, []), (500, ["asked"]), (503, ["asked"])]
)
def test_debug_lines_are_written_only_when_the_request_fails(rf, captured_logs, status, written):
    answering(status)(rf.get("/"))

    assert lines(captured_logs) == written


def test_nothing_is_kept_after_the_request(rf):
    answering(200)(rf.get("/"))

    assert not logging.getLogger("tests.buffer").isEnabledFor(logging.DEBUG)


def test_a_probe_that_fails_is_not_worth_it(rf, captured_logs):
    answering(503)(rf.get("/readyz"))

    assert lines(captured_logs) == []


def streaming(*, broken):
    def chunks():
        log.debug("first")
        yield b"a"
        log.debug("second")
        if broken:
            raise ConnectionError("the source is gone")
        yield b"b"

    return BufferMiddleware(lambda _: StreamingHttpResponse(chunks()))


def test_a_stream_that_breaks_off_has_its_lines_written(rf, captured_logs):
    response = streaming(broken=True)(rf.get("/"))

    with pytest.raises(ConnectionError):
        list(response.streaming_content)

    assert lines(captured_logs) == ["first", "second"]


def test_a_stream_that_comes_to_its_end_has_them_forgotten(rf, captured_logs):
    response = streaming(broken=False)(rf.get("/"))

    assert list(response.streaming_content) == [b"a", b"b"]
    assert lines(captured_logs) == []


@pytest.mark.parametrize(
    ("end", "written"), [(SystemExit, ["asked"]), (asyncio.CancelledError, [])]
)
def test_an_end_that_nobody_expected_has_its_lines_written(rf, captured_logs, end, written):
    def view(_):
        log.debug("asked")
        raise end

    with pytest.raises(end):
        BufferMiddleware(view)(rf.get("/"))

    assert lines(captured_logs) == written


def test_a_probe_that_is_abandoned_has_nothing_to_write(rf, captured_logs):
    def view(_):
        raise SystemExit

    with pytest.raises(SystemExit):
        BufferMiddleware(view)(rf.get("/livez"))

    assert lines(captured_logs) == []


def test_requests_at_the_same_time_keep_their_lines_apart(async_rf, captured_logs):
    async def view(request):
        log.debug(request.path)
        await asyncio.sleep(0)
        log.debug("again %s", request.path)
        return HttpResponse(status=500 if request.path == "/failing" else 200)

    async def all_of_them():
        buffered = BufferMiddleware(view)
        await asyncio.gather(
            *[buffered(async_rf.get(f"/{name}")) for name in ("a", "failing", "b")]
        )

    asyncio.run(all_of_them())

    assert lines(captured_logs) == ["/failing", "again /failing"]


def failing(request):
    log.debug("about to fail", step=1)
    raise RuntimeError("no")


urlpatterns = [path("failing/", failing), *rooms]


@override_settings(ROOT_URLCONF=__name__)
def test_the_lines_of_a_failed_request_stand_before_its_access_line_under_its_id(captured_logs):
    response = Client(raise_request_exception=False).get("/failing/")

    line = next(line for line in captured_logs if line["message"] == "about to fail")
    access = next(line for line in captured_logs if line["logger"] == "quintet.access")
    assert response.status_code == 500
    assert line["buffered"] is True
    assert line["correlation_id"] == response["X-Correlation-ID"]
    assert captured_logs.index(line) < captured_logs.index(access)


def test_without_lines_to_keep_the_middleware_is_not_there(monkeypatch):
    monkeypatch.setenv("LOG_BUFFER_LINES", "0")
    env = type(conf.current()).load()

    with override_settings(QUINTET=env), pytest.raises(MiddlewareNotUsed):
        BufferMiddleware(lambda _: HttpResponse())


def test_the_packages_of_the_service_are_its_own_and_ours():
    assert own_packages() == {"quintet", "tests"}
