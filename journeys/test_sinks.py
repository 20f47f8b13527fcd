"""F4: nobody reads the log, or nothing can be written; requests go on, and losses are counted."""

from __future__ import annotations

import json
import os
import re
import select

import load
import pytest
import servers
from load import Call, Load
from system import until

pytestmark = pytest.mark.slow

SCENARIO = "F4"
ASK = Call(path=f"/api/v1/{'x' * 3_500}-{{n}}/")
"""Unknown, so that it costs little; its line is as long as a line gets, so that few fill a pipe."""

MANY = {"per_second": 220, "seconds": 6}
"""More than 4 MiB of lines, which is what a process keeps."""

FEW = {"per_second": 100, "seconds": 3}
LOST = re.compile(rb"^log_lines_dropped_total (\S+)$", re.MULTILINE)


def asked(server, *, per_second, seconds):
    return load.run(
        Load(
            address=server.address,
            calls=[ASK],
            per_second=per_second,
            seconds=seconds,
            timeout_seconds=2,
            keep_alive=True,
        )
    )


def answered(outcomes):
    return load.share(outcomes, lambda one: one.status == 404)


def lost(server):
    return float(LOST.search(server.door().ask("GET", "/metrics").body)[1])


def note(figures, *, what, ours, theirs):
    figures.note(
        scenario=SCENARIO,
        what=f"requests answered {what}",
        ours=f"{answered(ours) * 100:.1f} %",
        stock=f"{answered(theirs) * 100:.1f} %",
        to_reach="100 %",
    )


@pytest.fixture
def pipe():
    """A pipe that nobody reads: the end that could be read, and the one that is written to."""
    reader, writer = os.pipe()
    yield reader, writer
    os.close(writer)
    os.close(reader)


def everything(reader, quiet_seconds=1.0):
    """Read until there is nothing more for a while."""
    read = b""
    while select.select([reader], [], [], quiet_seconds)[0]:
        read += os.read(reader, 1 << 20)
    return read.decode()


def stock_into(output, scratch):
    """The same, asked of the control, which logs accesses as gunicorn does when told to."""
    with servers.stock(scratch, "--access-logfile", "-", output=output) as control:
        return asked(control, **FEW)


def test_f4_a_log_that_nobody_reads_holds_up_no_request(scratch, pipe, figures):
    reader, writer = pipe
    with servers.stage(scratch, output=writer) as server:
        ours = asked(server, **MANY)
        until(lambda: lost(server) > 0, seconds=15)
        dropped = lost(server)
        lines = [json.loads(line) for line in everything(reader).splitlines()]
    theirs = stock_into(writer, scratch)

    note(figures, what="while nobody reads standard output", ours=ours, theirs=theirs)
    assert answered(ours) == 1
    assert load.percentile(ours, 99) < 1
    written = sum(line["message"] == "request" and "xxx" in line["path"] for line in lines)
    told = sum(line["lines"] for line in lines if "lines were dropped" in line["message"])
    assert told == dropped > 0
    assert written + dropped >= len(ours)
    assert answered(theirs) < 0.9, "the control is no control"


def test_f4_a_log_that_cannot_be_written_fails_no_request(scratch, figures):
    full = os.open("/dev/full", os.O_WRONLY)
    with servers.stage(scratch, output=full) as server:
        ours = asked(server, **FEW)
        until(lambda: lost(server) >= len(ours), seconds=15)
    theirs = stock_into(full, scratch)
    os.close(full)

    note(figures, what="while the disk of the log is full", ours=ours, theirs=theirs)
    assert answered(ours) == 1
