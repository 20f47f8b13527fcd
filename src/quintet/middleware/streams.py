"""Streaming answers run after the middleware has returned: follow them to their end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

STREAM = "quintet.stream"
"""The key of a WSGI environment under which an answer stands that is not over yet."""

Around = Callable[[], AbstractContextManager[Any]]
Finished = Callable[[int, Exception | None], None]


class _Followed:
    """Counts what passes and says once that the stream is over, however it ended."""

    def __init__(self, source: Any, *, around: Around, finished: Finished) -> None:
        self._source = source
        self._around = around
        self._finished: Finished | None = finished
        self._bytes = 0

    def _count(self, chunk: Any) -> Any:
        self._bytes += len(chunk)
        return chunk

    def _finish(self, error: Exception | None = None) -> None:
        finished, self._finished = self._finished, None
        if finished is not None:
            finished(self._bytes, error)

    def close(self) -> None:
        """End a stream that nobody reads further; Django closes the source by itself."""
        with self._around():
            self._finish()


class _FollowedSync(_Followed, Iterator[Any]):
    def __next__(self) -> Any:
        with self._around():
            try:
                return self._count(next(self._source))
            except BaseException as end:
                self._finish(_mistake(end))
                raise


class _FollowedAsync(_Followed, AsyncIterator[Any]):
    async def __anext__(self) -> Any:
        with self._around():
            try:
                return self._count(await anext(self._source))
            except BaseException as end:
                self._finish(_mistake(end))
                raise


def _mistake(end: BaseException) -> Exception | None:
    """What broke the stream; none when it has come to its end, or nobody waits for it any more."""
    ended = isinstance(end, StopIteration | StopAsyncIteration)
    return end if isinstance(end, Exception) and not ended else None


def _ignore(_: int, __: Exception | None) -> None:
    pass


def _close(closer: Callable[[], object], *, around: Around) -> None:
    with around():
        closer()


def follow(
    response: HttpResponseBase, *, around: Around = nullcontext, finished: Finished = _ignore
) -> None:
    """Run every step of a streaming ``response`` inside ``around`` and report its bytes at the end.

    ``finished`` is called exactly once: after the last chunk, after an error, which it is given,
    or when the server closes a stream whose client has gone. The source is closed inside too.
    """
    stream: Any = response
    stream._resource_closers = [  # noqa: SLF001 - Django keeps what to close under no other name
        partial(_close, closer, around=around) for closer in response.__dict__["_resource_closers"]
    ]
    if stream.is_async:
        stream.streaming_content = _FollowedAsync(
            aiter(stream.streaming_content), around=around, finished=finished
        )
    else:
        stream.streaming_content = _FollowedSync(
            iter(stream.streaming_content), around=around, finished=finished
        )
