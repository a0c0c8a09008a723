"""`HybridClient` and `AsyncHybridClient`: `chat.completions.create` over two sides."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, overload

import httpx2
import openai
from typing_extensions import Self, Unpack

from ..chat import Parameters, StreamParameters
from ..errors import SettingsError
from ..streams import AsyncStream, Stream
from ..types import ChatCompletion, ChatCompletionChunk
from .breaker import Breaker
from .course import Clock, Course
from .side import Side

__all__ = ["AsyncHybridClient", "AsyncHybridStream", "HybridClient", "HybridStream"]

# A stream's first chunks that say only who speaks are held back, for until something is said the other side can still be asked.
# No server sends more than one or two.
HELD_MAX = 8


def _says_something(chunk: ChatCompletionChunk) -> bool:
    """Anything but the role: text, reasoning, a tool call, an end, a usage."""
    if chunk.usage is not None or not chunk.choices:
        return True
    for choice in chunk.choices:
        said = {name: value for name, value in choice.delta.to_dict().items() if name != "role" and value not in (None, "", [])}
        if said or choice.finish_reason:
            return True
    return False


def _told(answer: ChatCompletion, course: Course) -> ChatCompletion:
    if not answer.choices:
        # Some servers answer an error with status 200; the openai package gives it as a completion without choices.
        told = (answer.model_extra or {}).get("error")
        message = told.get("message") if isinstance(told, dict) else None
        raise openai.APIError(str(message or "The answer has no choices."), httpx2.Request("POST", "http://" + course.side), body=told)
    course.answered()
    answer._side, answer._waited_ms = course.side, course.waited_ms()
    return answer


def _breaker(trip_after: int, rest: float, rest_max: float) -> Breaker:
    if trip_after < 1 or rest <= 0 or rest_max < rest:
        raise SettingsError(f"trip_after={trip_after}, rest={rest}, rest_max={rest_max}: trip_after is 1 or more, and 0 < rest <= rest_max.")
    return Breaker(trip_after=trip_after, rest=rest, rest_max=rest_max)


class HybridStream(Iterator[ChatCompletionChunk]):
    """A stream that knows its side. `latency_ms` is the time to the first thing that was said; a cut raises as in any `holysheep.Stream`."""

    def __init__(self, stream: Stream[ChatCompletionChunk], held: list[ChatCompletionChunk], course: Course) -> None:
        self.source: str = course.side
        self.latency_ms = course.waited_ms()
        self.response = stream.response
        self._stream, self._course = stream, course
        self._chunks = self._all(held)

    def _all(self, held: list[ChatCompletionChunk]) -> Iterator[ChatCompletionChunk]:
        yield from held
        try:
            yield from self._stream
        except Exception as error:
            self._course.broke_off(error)
            raise
        self._course.answered()

    def __next__(self) -> ChatCompletionChunk:
        return next(self._chunks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connection back; the server stops."""
        self._stream.close()


class AsyncHybridStream(AsyncIterator[ChatCompletionChunk]):
    """The asynchronous twin of `HybridStream`."""

    def __init__(self, stream: AsyncStream[ChatCompletionChunk], held: list[ChatCompletionChunk], course: Course) -> None:
        self.source: str = course.side
        self.latency_ms = course.waited_ms()
        self.response = stream.response
        self._stream, self._course = stream, course
        self._chunks = self._all(held)

    async def _all(self, held: list[ChatCompletionChunk]) -> AsyncIterator[ChatCompletionChunk]:
        for chunk in held:
            yield chunk
        try:
            async for chunk in self._stream:
                yield chunk
        except Exception as error:
            self._course.broke_off(error)
            raise
        self._course.answered()

    async def __anext__(self) -> ChatCompletionChunk:
        return await anext(self._chunks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Gives the connection back; the server stops."""
        await self._stream.close()


class _Completions:
    def __init__(self, hybrid: HybridClient) -> None:
        self._hybrid = hybrid

    @overload
    def create(self, **parameters: Unpack[Parameters]) -> ChatCompletion: ...
    @overload
    def create(self, **parameters: Unpack[StreamParameters]) -> HybridStream: ...
    def create(self, **parameters: Any) -> Any:
        """As `client.chat.completions.create`; the answer's `source` is "primary" or "fallback", its `latency_ms` what the caller waited in all."""
        hybrid = self._hybrid
        course = Course(hybrid.breaker, hybrid.clock)
        while True:
            side, client = hybrid.sides[course.side]
            try:
                made = self._ask(course, client.chat.completions.create(**side.parameters(parameters)))
            except Exception as error:
                course.failed(error)
            except BaseException:
                course.abandoned()
                raise
            else:
                return made

    def _ask(self, course: Course, got: ChatCompletion | Stream[ChatCompletionChunk]) -> ChatCompletion | HybridStream:
        if isinstance(got, ChatCompletion):
            return _told(got, course)
        held: list[ChatCompletionChunk] = []
        try:
            for chunk in got:
                held.append(chunk)
                if _says_something(chunk) or len(held) == HELD_MAX:
                    break
        except BaseException:
            got.close()
            raise
        course.began_to_stream()
        return HybridStream(got, held, course)


class _AsyncCompletions:
    def __init__(self, hybrid: AsyncHybridClient) -> None:
        self._hybrid = hybrid

    @overload
    async def create(self, **parameters: Unpack[Parameters]) -> ChatCompletion: ...
    @overload
    async def create(self, **parameters: Unpack[StreamParameters]) -> AsyncHybridStream: ...
    async def create(self, **parameters: Any) -> Any:
        """The asynchronous twin; it is a coroutine, and sends when it runs."""
        hybrid = self._hybrid
        course = Course(hybrid.breaker, hybrid.clock)
        while True:
            side, client = hybrid.sides[course.side]
            try:
                made = await self._ask(course, await client.chat.completions.create(**side.parameters(parameters)))
            except Exception as error:
                course.failed(error)
            except BaseException:
                course.abandoned()
                raise
            else:
                return made

    async def _ask(self, course: Course, got: ChatCompletion | AsyncStream[ChatCompletionChunk]) -> ChatCompletion | AsyncHybridStream:
        if isinstance(got, ChatCompletion):
            return _told(got, course)
        held: list[ChatCompletionChunk] = []
        try:
            while len(held) < HELD_MAX:
                try:
                    held.append(await anext(got))
                except StopAsyncIteration:
                    break
                if _says_something(held[-1]):
                    break
        except BaseException:
            await got.close()
            raise
        course.began_to_stream()
        return AsyncHybridStream(got, held, course)


class _Chat:
    def __init__(self, completions: _Completions) -> None:
        self.completions = completions


class _AsyncChat:
    def __init__(self, completions: _AsyncCompletions) -> None:
        self.completions = completions


class HybridClient:
    """Asks the primary, and the fallback when the primary cannot be reached, does not answer in time, or answers 429 or 5xx.

    The caller's own mistakes (400, 401, 403, 404, 422 …) are raised as they come, from whichever side said so. After `trip_after` failures
    in a row the primary rests (see `Breaker`); a stream moves to the fallback only while nothing of it was delivered. Where both fail,
    `BothSidesFailedError` holds both errors. Neither side repeats by itself (`max_retries=0`) unless its options say so.

        client = HybridClient(
            primary=Side.gateway(timeout=30),
            fallback=Side.server("http://gpu-1:8000/v1", model="deepseek-ai/DeepSeek-V3", timeout=120),
        )
        answer = client.chat.completions.create(model="deepseek-chat", messages=[…])
        answer.source, answer.latency_ms

    Safe to use from several threads, which share what is known about the primary.
    """

    def __init__(
        self, primary: Side, fallback: Side, *, trip_after: int = 3, rest: float = 10.0, rest_max: float = 300.0, clock: Clock = time.monotonic
    ) -> None:
        self.breaker = _breaker(trip_after, rest, rest_max)
        self.clock = clock
        self.primary, self.fallback = primary.client(), fallback.client()
        self.sides = {"primary": (primary, self.primary), "fallback": (fallback, self.fallback)}
        self.chat = _Chat(_Completions(self))

    def close(self) -> None:
        """Closes both sides' clients."""
        self.primary.close()
        self.fallback.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncHybridClient:
    """The asynchronous twin of `HybridClient`, for one event loop."""

    def __init__(
        self, primary: Side, fallback: Side, *, trip_after: int = 3, rest: float = 10.0, rest_max: float = 300.0, clock: Clock = time.monotonic
    ) -> None:
        self.breaker = _breaker(trip_after, rest, rest_max)
        self.clock = clock
        self.primary, self.fallback = primary.async_client(), fallback.async_client()
        self.sides = {"primary": (primary, self.primary), "fallback": (fallback, self.fallback)}
        self.chat = _AsyncChat(_AsyncCompletions(self))

    async def close(self) -> None:
        """Closes both sides' clients."""
        await self.primary.close()
        await self.fallback.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()
