"""`client.batch.chat.completions`: where the engine meets the clients."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, overload

from ..errors import BatchError, EventLoopError, SettingsError, TaskError
from ..pending import Pending
from ..types import ChatCompletion
from .engine import Engine, OnProgress, Outcome, Tasks, check_task
from .progress import Bar
from .record import Record
from .results import BatchResults

if TYPE_CHECKING:
    from ..client import HolySheep, HolySheepClient

__all__ = ["AsyncBatch", "AsyncBatchCompletions", "Batch", "BatchCompletions"]

# How many items may be in flight unless told otherwise: enough to keep one server busy, and few enough not to be refused at once.
CONCURRENCY = 16
# How many items `iterate` may be ahead of the one that is waited for, for each that may be in flight.
AHEAD = 4

File = str | os.PathLike[str]


def _check(tasks: object, concurrency: int, requests_per_minute: float | None, on_error: str) -> None:
    if concurrency < 1:
        raise SettingsError(f"concurrency is {concurrency}; it is 1 or more.")
    if requests_per_minute is not None and requests_per_minute <= 0:
        raise SettingsError(f"requests_per_minute is {requests_per_minute}; it is more than 0, or None for no bound.")
    if on_error not in ("raise", "return"):
        raise SettingsError(f"on_error is {on_error!r}; it is 'raise' or 'return'.")
    if isinstance(tasks, (Pending, Mapping, str, bytes)):
        raise TaskError(f"tasks is one {type(tasks).__name__}; give a list (or another iterable) of them.")
    if isinstance(tasks, Sequence):
        # All of a list is looked at before any of it is sent.
        for index, task in enumerate(tasks):
            check_task(index, task)


class AsyncBatchCompletions:
    """`client.batch.chat.completions` of `HolySheepClient`."""

    def __init__(self, client: HolySheepClient) -> None:
        self._client = client

    @overload
    async def create(
        self,
        tasks: Tasks,
        *,
        requests_per_minute: float | None = None,
        concurrency: int = CONCURRENCY,
        on_progress: OnProgress | None = None,
        progress: bool = False,
        on_error: Literal["raise"] = "raise",
        resume: File | None = None,
    ) -> BatchResults[ChatCompletion]: ...
    @overload
    async def create(
        self,
        tasks: Tasks,
        *,
        requests_per_minute: float | None = None,
        concurrency: int = CONCURRENCY,
        on_progress: OnProgress | None = None,
        progress: bool = False,
        on_error: Literal["return"],
        resume: File | None = None,
    ) -> BatchResults[ChatCompletion | Exception]: ...
    async def create(
        self,
        tasks: Tasks,
        *,
        requests_per_minute: float | None = None,
        concurrency: int = CONCURRENCY,
        on_progress: OnProgress | None = None,
        progress: bool = False,
        on_error: str = "raise",
        resume: File | None = None,
    ) -> BatchResults[Any]:
        """Sends all tasks and gives their answers in the order of the tasks.

        `tasks` are un-awaited `client.chat.completions.create(…)` calls, or mappings of the parameters; a list, or an iterator (also an
        asynchronous one) that is read as there is room.

        `concurrency` bounds how many are in flight (and the client's `connections` does too), `requests_per_minute` how many are sent,
        evenly spaced, repetitions included. A 429 (or a 503 that says how long) stops the sending of all of them for the time that it asks
        for, once for all, and halves how many may be in flight; they are won back as answers come. Other failures that may pass are
        repeated as often as the client's `max_retries` says. A repetition keeps its `Idempotency-Key`.

        `on_error="raise"` waits for all items and then raises `BatchError`, which holds every result; `"return"` gives each failed item as its
        error. `on_progress` is called (and awaited, if it can be) with a `Progress` for each finished item; `progress=True` draws a bar on a
        terminal.

        `resume=FILE` records each finished item there, and takes from there what an earlier run finished: after Ctrl-C the same call goes
        on. The results then stay in the file, so that memory does not grow with them. See `holysheep.batch.record` for what a crash can cost.

        Cancelled, it cancels every request in flight, waits until their connections are given back, and leaves no task behind.
        """
        _check(tasks, concurrency, requests_per_minute, on_error)
        record = Record(resume) if resume is not None else None
        try:
            engine = Engine(
                self._client,
                tasks,
                concurrency=concurrency,
                requests_per_minute=requests_per_minute,
                on_progress=on_progress,
                bar=Bar() if progress else None,
                record=record,
                window=None,
            )
            held: list[Any] = []
            async for index, outcome in engine.finished():
                if record is None:
                    if index >= len(held):
                        held.extend([None] * (index + 1 - len(held)))
                    held[index] = outcome
        finally:
            if record:
                record.close()
        results: BatchResults[Any] = BatchResults(path=record.path, offsets=record.offsets[: engine.started]) if record else BatchResults(held)
        if engine.failed and on_error == "raise":
            raise BatchError(results, results.errors)
        return results

    async def iterate(
        self,
        tasks: Tasks,
        *,
        requests_per_minute: float | None = None,
        concurrency: int = CONCURRENCY,
        on_progress: OnProgress | None = None,
        progress: bool = False,
        resume: File | None = None,
        window: int | None = None,
    ) -> AsyncGenerator[ChatCompletion | Exception, None]:
        """The same, but gives each result in order as soon as it and all before it are there; a failed item is its error.

        At most `window` items (four times `concurrency` unless given) are ahead of the one that is waited for: with a slow reader or a slow
        item the rest waits, and memory stays flat however many tasks there are. Leaving the loop early cancels what is in flight; to have that
        done at once and not at the next collection of garbage, use `contextlib.aclosing(…)`.
        """
        _check(tasks, concurrency, requests_per_minute, "return")
        if window is not None and window < 1:
            raise SettingsError(f"window is {window}; it is 1 or more.")
        record = Record(resume) if resume is not None else None
        try:
            engine = Engine(
                self._client,
                tasks,
                concurrency=concurrency,
                requests_per_minute=requests_per_minute,
                on_progress=on_progress,
                bar=Bar() if progress else None,
                record=record,
                window=window or AHEAD * concurrency,
            )
            finished = engine.finished()
            try:
                ahead: dict[int, Outcome] = {}
                async for index, outcome in finished:
                    ahead[index] = outcome
                    while engine.released in ahead:
                        engine.released += 1
                        yield ahead.pop(engine.released - 1)
            finally:
                await finished.aclose()
        finally:
            if record:
                record.close()


class BatchCompletions:
    """`client.batch.chat.completions` of `HolySheep`."""

    def __init__(self, client: HolySheep) -> None:
        self._client = client

    @overload
    def create(
        self,
        tasks: Iterable[Mapping[str, Any]],
        *,
        requests_per_minute: float | None = None,
        concurrency: int = CONCURRENCY,
        on_progress: OnProgress | None = None,
        progress: bool = False,
        on_error: Literal["raise"] = "raise",
        resume: File | None = None,
    ) -> BatchResults[ChatCompletion]: ...
    @overload
    def create(
        self,
        tasks: Iterable[Mapping[str, Any]],
        *,
        requests_per_minute: float | None = None,
        concurrency: int = CONCURRENCY,
        on_progress: OnProgress | None = None,
        progress: bool = False,
        on_error: Literal["return"],
        resume: File | None = None,
    ) -> BatchResults[ChatCompletion | Exception]: ...
    def create(self, tasks: Iterable[Mapping[str, Any]], **options: Any) -> BatchResults[Any]:
        """As `AsyncBatchCompletions.create`, for tasks that are mappings of parameters: `create(…)` of this client would send at once.

        It runs an event loop of its own with a client of its own, which has this client's settings but not its `http_client`; where a loop
        runs already, it raises `EventLoopError`.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self._run(tasks, options))
        raise EventLoopError("An event loop is running here: use HolySheepClient and await its client.batch.chat.completions.create(…).")

    async def _run(self, tasks: Iterable[Mapping[str, Any]], options: Mapping[str, Any]) -> BatchResults[Any]:
        async with self._client.asynchronous() as client:
            results: BatchResults[Any] = await client.batch.chat.completions.create(tasks, **options)
            return results


class _AsyncBatchChat:
    def __init__(self, client: HolySheepClient) -> None:
        self._client = client

    @cached_property
    def completions(self) -> AsyncBatchCompletions:
        return AsyncBatchCompletions(self._client)


class _BatchChat:
    def __init__(self, client: HolySheep) -> None:
        self._client = client

    @cached_property
    def completions(self) -> BatchCompletions:
        return BatchCompletions(self._client)


class AsyncBatch:
    """`client.batch` of `HolySheepClient`."""

    def __init__(self, client: HolySheepClient) -> None:
        self._client = client

    @cached_property
    def chat(self) -> _AsyncBatchChat:
        return _AsyncBatchChat(self._client)


class Batch:
    """`client.batch` of `HolySheep`."""

    def __init__(self, client: HolySheep) -> None:
        self._client = client

    @cached_property
    def chat(self) -> _BatchChat:
        return _BatchChat(self._client)
