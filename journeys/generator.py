"""The process that makes load: one request per tick of the clock, whatever became of the others.

`load.py` starts it and writes the plan to its standard input; what came of each request is written
to its standard output as one line of JSON, when all is over.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress

READ_BYTES = 65_536
MOST_BYTES = 16 * 1024 * 1024


class Line:
    """A connection, which may carry several requests one after the other."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def is_fresh(self):
        """Say whether the other side has closed it meanwhile, as far as one can know."""
        return not (self.reader.at_eof() or self.writer.is_closing())

    async def ask(self, written):
        """Send a request, return status, headers, and whether another one may follow."""
        self.writer.write(written)
        await self.writer.drain()
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        version, status = head[0].split(" ")[:2]
        open_ended = await self._body(headers)
        closes = "close" in headers.get("connection", "").lower() or version == "HTTP/1.0"
        return int(status), headers, not (closes or open_ended)

    async def _body(self, headers):
        """Read the body; true when only the end of the connection has ended it."""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                await self.reader.readexactly(size + 2)
            await self.reader.readuntil(b"\r\n")
        elif "content-length" in headers:
            await self.reader.readexactly(min(int(headers["content-length"]), MOST_BYTES))
        else:
            await self.reader.read(MOST_BYTES)
            return True
        return False

    def close(self):
        self.writer.transport.abort()


class Generator:
    """Sends what the plan says."""

    def __init__(self, plan):
        self.plan = plan
        self.idle = []
        self.rows = []

    async def run(self):
        """Send every request when it is due, and wait for the last answers."""
        count = int(self.plan["seconds"] * self.plan["per_second"])
        begin = time.monotonic() + 0.05
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                due_at = begin + number / self.plan["per_second"]
                await asyncio.sleep(max(0.0, due_at - time.monotonic()))
                group.create_task(self.one(number, due_at))
        for line in self.idle:
            line.close()

    async def one(self, number, due_at):
        """Send one request and note what became of it; its time runs from when it was due."""
        late, status, headers, error = time.monotonic() - due_at, 0, {}, ""
        which = number % len(self.plan["calls"])
        try:
            async with asyncio.timeout(self.plan["timeout_seconds"]):
                status, headers = await self._exchange(self.plan["calls"][which], number)
        except TimeoutError:
            error = "timeout"
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as broken:
            error = type(broken).__name__
        seconds = time.monotonic() - due_at
        kept = {name: headers[name] for name in self.plan["headers"] if name in headers}
        self.rows.append((number, which, due_at, late, seconds, status, error, kept))

    async def _exchange(self, call, number):
        line = await self._line()
        reusable = False
        try:
            status, headers, may_follow = await line.ask(self._written(call, number))
            reusable = may_follow and self.plan["keep_alive"]
        finally:
            if reusable:
                self.idle.append(line)
            else:
                line.close()
        return status, headers

    async def _line(self):
        while self.idle:
            line = self.idle.pop()
            if line.is_fresh():
                return line
            line.close()
        source = (self.plan["source"], 0) if self.plan["source"] else None
        opened = await asyncio.open_connection(
            self.plan["host"], self.plan["port"], limit=READ_BYTES, local_addr=source
        )
        return Line(*opened)

    def _written(self, call, number):
        filled = {key: value.replace("{n}", str(number)) for key, value in call.items()}
        body = filled.pop("body").encode()
        lines = [
            f"{filled.pop('method')} {filled.pop('path')} HTTP/1.1",
            f"Host: {self.plan['host']}:{self.plan['port']}",
            f"Connection: {'keep-alive' if self.plan['keep_alive'] else 'close'}",
            *(f"{name}: {value}" for name, value in filled.items()),
        ]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def main():
    generator = Generator(json.load(sys.stdin))
    with suppress(KeyboardInterrupt):
        asyncio.run(generator.run())
    json.dump(generator.rows, sys.stdout)


if __name__ == "__main__":
    main()
