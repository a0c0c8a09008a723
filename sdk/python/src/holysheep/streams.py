"""Streams that never end silently before the answer does.

The openai package takes the end of the bytes for the end of the answer. Here an answer is whole when `[DONE]` came or every choice
that began has its `finish_reason`; anything else raises `StreamCutError`, and a stream that broke in the transport or in the middle
of an event does too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar, get_args, get_origin

import httpx2
import openai
import openai.types
import openai.types.chat

from .errors import StreamCutError
from .types import OURS

__all__ = ["AsyncStream", "Stream"]

T = TypeVar("T")

# What the transport, the decoder of events and the JSON reader say when the bytes stop or make no sense.
_BROKEN = (httpx2.HTTPError, openai.APIConnectionError, OSError, ValueError)
_WATCHED = (openai.types.chat.ChatCompletionChunk, openai.types.Completion)


class _Ending:
    """Whether all of the answer was seen. Belongs to one stream."""

    def __init__(self) -> None:
        self.done = False
        self.chunks = 0
        self.begun: set[int] = set()
        self.finished: set[int] = set()

    def saw(self, chunk: object) -> None:
        self.chunks += 1
        for choice in getattr(chunk, "choices", None) or ():
            self.begun.add(choice.index)
            if choice.finish_reason:
                self.finished.add(choice.index)

    @property
    def whole(self) -> bool:
        return self.done or bool(self.begun and self.begun == self.finished)

    def cut(self, request: httpx2.Request, why: str) -> StreamCutError:
        got = f"after {self.chunks} chunks" if self.chunks else "before the first chunk"
        return StreamCutError(message=f"The stream was cut {got}: {why}. What was received is only a part of the answer.", request=request)

    def broken(self, request: httpx2.Request, error: Exception) -> Exception | None:
        """What to raise for a trouble; None if the answer was whole already and nothing is lost."""
        if isinstance(error, openai.APITimeoutError):
            return error
        if isinstance(error, httpx2.TimeoutException):
            return openai.APITimeoutError(request=request)
        return None if self.whole else self.cut(request, f"{type(error.__cause__ or error).__name__}: {error.__cause__ or error}")


_NO_END = "the bytes ended without [DONE] and without a finish_reason"


class Stream(openai.Stream[T]):
    """`openai.Stream`, except that a cut stream raises `StreamCutError`."""

    def __init__(self, **more: Any) -> None:
        self._ending = _Ending()
        super().__init__(**more)

    def _iter_events(self) -> Iterator[Any]:
        for event in super()._iter_events():
            self._ending.done = self._ending.done or event.data.startswith("[DONE]")
            yield event

    def __stream__(self) -> Iterator[T]:
        request = self.response.request
        try:
            for chunk in super().__stream__():
                self._ending.saw(chunk)
                yield chunk
        except _BROKEN as error:
            if told := self._ending.broken(request, error):
                raise told from error
        if not self._ending.whole:
            raise self._ending.cut(request, _NO_END)


class AsyncStream(openai.AsyncStream[T]):
    """`openai.AsyncStream`, except that a cut stream raises `StreamCutError`."""

    def __init__(self, **more: Any) -> None:
        self._ending = _Ending()
        super().__init__(**more)

    async def _iter_events(self) -> AsyncIterator[Any]:
        async for event in super()._iter_events():
            self._ending.done = self._ending.done or event.data.startswith("[DONE]")
            yield event

    async def __stream__(self) -> AsyncIterator[T]:
        request = self.response.request
        try:
            async for chunk in super().__stream__():
                self._ending.saw(chunk)
                yield chunk
        except _BROKEN as error:
            if told := self._ending.broken(request, error):
                raise told from error
        if not self._ending.whole:
            raise self._ending.cut(request, _NO_END)


def watched(stream_cls: Any) -> Any:
    """The stream class to use where the openai package asks for this one: ours for completions, unchanged for all else."""
    origin, chunk = get_origin(stream_cls), (get_args(stream_cls) or (None,))[0]
    if chunk not in _WATCHED:
        return stream_cls
    ours: Any = {openai.Stream: Stream, openai.AsyncStream: AsyncStream}.get(origin)
    return ours[OURS[chunk]] if ours else stream_cls
