from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from quintet.telemetry import output, sinks
from quintet.telemetry.logs import JSONFormatter
from quintet.telemetry.output import Output, StandardOutput

PIPE_BYTES = 65_536
PATIENCE_SECONDS = 30.0


class Pipe:
    """A pipe as standard output, and its other end."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self.stdout, self._file = os.fdopen(writer, "w"), os.fdopen(self.reader)

    def fill(self) -> int:
        """Write until no byte more fits, as a neighbour would; return how many bytes that were."""
        own = os.open(f"/proc/self/fd/{self.stdout.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
        filled = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                filled += os.write(own, b"." * 1024)
        os.close(own)
        return filled

    def skip(self, count: int) -> None:
        while count:
            count -= len(os.read(self.reader, count))

    def lines(self, count: int) -> list[str]:
        return [self._file.readline().rstrip("\n") for _ in range(count)]

    def abandon(self) -> None:
        self._file.close()


@pytest.fixture
def pipe():
    made = Pipe()
    yield made
    made.abandon()
    with contextlib.suppress(BrokenPipeError):
        made.stdout.close()


@pytest.fixture
def out(pipe):
    """An output of its own, small enough to be filled: two kilobytes wait at most."""
    made = Output("stdout", of=pipe, most_bytes=2048)
    made.notice = lambda lines: f"{lines} are missing\n".encode()
    yield made
    made.flush(PATIENCE_SECONDS)


def line(number: int) -> bytes:
    return f"{number:09}\n".encode()


def test_a_line_goes_out_at_once_where_there_is_room(pipe, out):
    out.write(b"a line\n")

    assert pipe.lines(1) == ["a line"]


def test_a_pipe_that_nobody_reads_holds_nobody_up_and_keeps_the_order(pipe, out):
    filled = pipe.fill()

    for number in range(100):
        out.write(line(number))
    pipe.skip(filled)

    assert [int(text) for text in pipe.lines(100)] == list(range(100))
    assert out.lost == 0


def test_what_does_not_fit_is_dropped_counted_and_reported_in_its_place(pipe, out):
    filled = pipe.fill()

    for number in range(1000):
        out.write(line(number))
    lost = out.lost
    pipe.skip(filled)
    kept = pipe.lines(1000 - lost)
    (told,) = pipe.lines(1)
    assert out.flush(PATIENCE_SECONDS)
    out.write(b"afterwards\n")

    assert lost == 1000 - 2048 // 10
    assert [int(text) for text in kept] == list(range(1000 - lost))
    assert told == f"{lost} are missing"
    assert pipe.lines(1) == ["afterwards"]


def test_a_line_longer_than_the_pipe_arrives_whole(pipe):
    out = Output("stdout", of=pipe)
    long = b"x" * (2 * PIPE_BYTES) + b"\n"

    out.write(long)
    out.write(b"next\n")

    assert [len(text) for text in pipe.lines(2)] == [2 * PIPE_BYTES, 4]


def test_the_pipe_of_the_others_stays_as_it_was(pipe, out):
    out.write(b"a line\n")

    assert os.get_blocking(pipe.stdout.fileno())


def test_lines_of_many_threads_keep_whole_while_the_reader_is_slow(pipe):
    out = Output("stdout", of=pipe)

    def work(name: str) -> None:
        for number in range(500):
            out.write(f"{name} {number} {'x' * 300}\n".encode())

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    texts = [text.split() for text in pipe.lines(2000)]
    for thread in threads:
        thread.join()

    for name in "abcd":
        assert [int(number) for who, number, _ in texts if who == name] == list(range(500))


def test_a_reader_that_is_gone_costs_the_lines_and_nothing_else(pipe, out):
    pipe.fill()
    out.write(line(1))
    pipe.abandon()

    assert out.flush(PATIENCE_SECONDS)

    assert out.lost == 1
    with pytest.raises(BrokenPipeError):
        out.write(line(2))


def test_a_socket_that_nobody_reads_holds_nobody_up_either():
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("w") as stream:
        out = Output("stdout", of=SimpleNamespace(stdout=stream))
        for number in range(100_000):
            out.write(line(number))
        with theirs.makefile() as file:
            received = [int(file.readline()) for _ in range(100_000)]

        assert received == list(range(100_000))
        assert out.flush(PATIENCE_SECONDS)
        assert os.get_blocking(ours.fileno())


def test_a_terminal_is_written_to_and_stays_as_it_was():
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        out = Output("stdout", of=SimpleNamespace(stdout=stream))

        out.write(b"a line\n")

        assert os.read(ours, 100) == b"a line\r\n"
        assert os.get_blocking(theirs)
    os.close(ours)


def test_a_pipe_that_cannot_be_opened_again_is_written_to_by_a_thread(monkeypatch, pipe, out):
    monkeypatch.setattr(sinks, "OWN_DESCRIPTORS", "/nowhere")

    for number in range(100):
        out.write(line(number))

    assert [int(text) for text in pipe.lines(100)] == list(range(100))
    assert out.flush(PATIENCE_SECONDS)


def test_a_neighbour_that_is_faster_is_waited_for_again(pipe):
    answers = [BlockingIOError(), 3]

    def send(data: bytes) -> int:
        answer = answers.pop(0)
        if isinstance(answer, int):
            return answer
        raise answer

    assert sinks._waiting(send, pipe.stdout.fileno())(b"abc") == 3


def test_where_no_thread_can_start_the_next_line_sends_what_waits(monkeypatch, pipe, out):
    def refuse(self) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    filled = pipe.fill()
    out.write(line(1))
    out.write(line(2))
    pipe.skip(filled)

    out.write(line(3))

    assert [int(text) for text in pipe.lines(3)] == [1, 2, 3]


def test_flush_gives_up_when_nobody_reads(pipe, out):
    filled = pipe.fill()
    out.write(line(1))

    assert not out.flush(0.1)

    pipe.skip(filled)
    assert out.flush(PATIENCE_SECONDS)


def test_a_formatter_that_fails_costs_its_line_alone(pipe, out):
    def fail(lines: int) -> bytes:
        raise KeyError(lines)

    out.notice = fail
    filled = pipe.fill()
    for number in range(300):
        out.write(line(number))
    pipe.skip(filled)

    assert out.flush(PATIENCE_SECONDS)
    assert len(pipe.lines(300 - out.lost)) == 300 - out.lost


def test_a_forked_child_does_not_repeat_what_its_parent_will_send(pipe, monkeypatch):
    monkeypatch.setattr(output, "_stdout", out := Output("stdout", of=pipe))
    filled = pipe.fill()
    out.write(b"of the parent\n")

    child = os.fork()
    if child == 0:  # pragma: no cover - what a child covers is not collected
        output.write(b"of the child\n")
        os._exit(0 if out._waiting == output.deque([b"of the child\n"]) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pipe.skip(filled)
    assert pipe.lines(1) == ["of the parent"]


def test_the_end_of_a_process_waits_for_a_reader_that_is_behind():
    program = (
        "import logging; from quintet.telemetry.output import StandardOutput\n"
        "logging.basicConfig(handlers=[StandardOutput()], level='INFO', format='%(message)s')\n"
        "for number in range(3000): logging.info('%0100d', number)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert select.select([process.stdout], [], [], PATIENCE_SECONDS)[0]
        received = [int(text) for text in process.stdout]

    assert received == list(range(3000))
    assert process.returncode == 0


def test_a_process_whose_output_nobody_reads_works_on_and_ends():
    program = (
        "import logging, sys; from quintet.telemetry import output\n"
        "logging.basicConfig(handlers=[output.StandardOutput()], level='INFO')\n"
        "for number in range(100_000): logging.info('%0100d', number)\n"
        "sys.stderr.write(f'{output.lost()} lost'); sys.stderr.flush()\n"
        "import os, signal; signal.raise_signal(signal.SIGTERM)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        worked_on = select.select([process.stderr], [], [], PATIENCE_SECONDS)[0]
        if not worked_on:
            process.kill()
        told = process.stderr.read().decode()
        process.wait(PATIENCE_SECONDS)

    assert process.returncode == -signal.SIGTERM
    assert 0 < int(told.removesuffix(" lost")) < 100_000


def test_the_line_about_missing_lines_is_like_all_others(pipe, monkeypatch):
    monkeypatch.setattr(output, "_stdout", Output("stdout", of=pipe, most_bytes=2048))
    handler = StandardOutput()
    handler.setFormatter(JSONFormatter(service="shop", version="1", environment="test"))
    filled = pipe.fill()
    for number in range(100):
        handler.handle(logging.LogRecord("shop", logging.INFO, "", 0, "%d", (number,), None))
    pipe.skip(filled)

    lines = [json.loads(text) for text in pipe.lines(101 - output.lost())]

    handler.flush()
    assert lines[-1]["lines"] == output.lost() > 0
    assert (lines[-1]["level"], lines[-1]["service"]) == ("WARNING", "shop")


def test_writing_raises_nothing_and_counts_what_is_lost(monkeypatch):
    streams = SimpleNamespace(stdout=None, stderr=io.StringIO())
    monkeypatch.setattr(output, "_stdout", Output("stdout", of=streams))
    monkeypatch.setattr(output, "_stderr", Output("stderr", of=streams))

    output.write(b"unheard\n")

    assert output.lost() == 1
    assert output.flush()
    assert streams.stderr.getvalue() == "a log line is lost: AttributeError\n"


def test_an_output_that_nobody_gave_a_notice_says_nothing(pipe):
    out = Output("stdout", of=pipe, most_bytes=10)
    filled = pipe.fill()
    out.write(line(1))
    out.write(line(2))
    pipe.skip(filled)

    assert out.flush(PATIENCE_SECONDS)
    assert (out.lost, pipe.lines(1)) == (1, ["000000001"])
