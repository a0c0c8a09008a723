"""Runs the items of one batch. Tasks are pulled as there is room for them, so that neither they nor their answers pile up."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sized
from typing import TYPE_CHECKING, Any, TypeAlias

import openai

from .. import retry
from ..errors import BatchError, ClientClosedError, EventLoopError, ForkedClientError, ResumeFileError, TaskError
from ..pending import Pending
from ..types import ChatCompletion
from .gate import Gate
from .progress import Bar, Progress
from .record import Record, task_digest

if TYPE_CHECKING:
    from ..client import HolySheepClient

__all__ = ["Engine", "OnProgress", "Outcome", "Task", "Tasks"]

Task: TypeAlias = "Pending[ChatCompletion] | Mapping[str, Any]"
Tasks: TypeAlias = "Iterable[Task] | AsyncIterable[Task]"
Outcome: TypeAlias = "ChatCompletion | Exception"
OnProgress: TypeAlias = "Callable[[Progress], object | Awaitable[object]]"

# How often one item may be told 429 before its error is its result: with waits that double, that is longer than ten minutes.
REFUSALS_MAX = 30
# These say that nothing of the batch can go on, not that an item failed.
FATAL = (ClientClosedError, EventLoopError, ForkedClientError, ResumeFileError, TaskError, BatchError)


class Engine:
    """One run of one batch, on one event loop."""

    def __init__(
        self,
        client: HolySheepClient,
        tasks: Tasks,
        *,
        concurrency: int,
        requests_per_minute: float | None,
        on_progress: OnProgress | None,
        bar: Bar | None,
        record: Record | None,
        window: int | None,
    ) -> None:
        self._client = client
        self._source: Iterator[Task] | None = None
        self._async_source: AsyncIterator[Task] | None = None
        if isinstance(tasks, AsyncIterable):
            self._async_source = aiter(tasks)
        else:
            self._source = iter(tasks)
        self._total = len(tasks) if isinstance(tasks, Sized) else None
        # More in flight than there are connections would only wait inside the pool.
        self._concurrency = min(concurrency, client.connections)
        self._gate = Gate(self._concurrency, requests_per_minute)
        self._on_progress, self._bar, self._record, self._window = on_progress, bar, record, window
        self._outer = retry.Outer()
        self._running: set[asyncio.Task[None]] = set()
        self._pull: asyncio.Task[Task] | None = None
        self._done: deque[tuple[int, Outcome, bool]] = deque()
        self._fatal: BaseException | None = None
        self._wake = asyncio.Event()
        self._exhausted = False
        self._started_at = 0.0
        self.started = self.released = self.failed = self.resumed = self._finished = 0

    async def finished(self) -> AsyncGenerator[tuple[int, Outcome], None]:
        """Index and result of each item, in the order in which they finish. However it ends, nothing is left running."""
        self._started_at = asyncio.get_running_loop().time()
        try:
            while True:
                self._start_some()
                if self._fatal:
                    raise self._fatal
                while self._done:
                    index, outcome, known = self._done.popleft()
                    await self._tell(outcome, known)
                    yield index, outcome
                if self._exhausted and not self._running and not self._pull and not self._done:
                    return
                if not self._room() or self._pull or self._exhausted:
                    await self._wake.wait()
                self._wake.clear()
        finally:
            await self._stop()
            if self._bar:
                self._bar.end()

    def _room(self) -> bool:
        within = self._window is None or self.started - self.released < self._window
        return within and len(self._running) + len(self._done) < self._concurrency

    def _start_some(self) -> None:
        while self._room() and not self._exhausted:
            if self._source is not None:
                try:
                    task = next(self._source)
                except StopIteration:
                    self._exhausted = True
                    return
            elif self._pull is None:
                self._pull = asyncio.ensure_future(self._next())
                self._pull.add_done_callback(lambda _: self._wake.set())
                return
            elif not self._pull.done():
                return
            else:
                pulled, self._pull = self._pull, None
                try:
                    task = pulled.result()
                except StopAsyncIteration:
                    self._exhausted = True
                    return
            self._start(task)

    async def _next(self) -> Task:
        assert self._async_source is not None
        return await anext(self._async_source)

    def _start(self, task: Task) -> None:
        index, self.started = self.started, self.started + 1
        call, parameters = self._call(index, task)
        digest = None
        if self._record:
            digest = task_digest(parameters)
            if known := self._record.answer(index, digest):
                call.settle(known)
                self.resumed += 1
                self._done.append((index, known, True))
                return
        running = asyncio.ensure_future(self._one(index, call, digest))
        self._running.add(running)
        running.add_done_callback(self._ended)

    def _call(self, index: int, task: Task) -> tuple[Pending[ChatCompletion], Mapping[str, Any]]:
        check_task(index, task)
        if isinstance(task, Pending):
            return task, task.parameters
        # What can be read only once would be gone at the second try.
        parameters: dict[str, Any] = {name: list(value) if isinstance(value, Iterator) else value for name, value in task.items()}
        create: Callable[..., Pending[ChatCompletion]] = self._client.chat.completions.create
        return create(**parameters), parameters

    def _ended(self, running: asyncio.Task[None]) -> None:
        self._running.discard(running)
        if not running.cancelled() and (error := running.exception()):
            self._fatal = self._fatal or error
        self._wake.set()

    async def _one(self, index: int, call: Pending[ChatCompletion], digest: str | None) -> None:
        key = f"hs-batch-{self._record.id}-{index}-{digest[:16]}" if self._record and digest else None
        send = call.send_with_key(key)
        outcome: Outcome
        try:
            outcome = await call.through(lambda: self._attempts(send))
        except FATAL:
            raise
        except Exception as error:
            outcome = error
        if self._record and digest:
            self._record.add(index, digest, outcome)
        self._done.append((index, outcome, False))

    async def _attempts(self, send: Callable[[], Coroutine[Any, Any, ChatCompletion]]) -> ChatCompletion:
        tried = refused = 0
        while True:
            sent_at = await self._gate.enter()
            try:
                with retry.counted_outside(self._outer):
                    answer = await send()
                self._gate.answered()
                return answer
            except openai.APIError as error:
                asked = retry.retry_after(retry.headers_of(error))
                if _slow_down(error, asked):
                    self._gate.refused(sent_at, asked)
                    refused += 1
                    if refused > REFUSALS_MAX:
                        raise
                    continue
                tried += 1
                if tried > self._client.max_retries or not retry.is_transient(error):
                    raise
                failed = error
            finally:
                self._gate.leave()
            await asyncio.sleep(retry.delay_before(tried, failed))

    async def _tell(self, outcome: Outcome, known: bool) -> None:
        self._finished += 1
        self.failed += isinstance(outcome, Exception)
        if not self._on_progress and not self._bar:
            return
        seconds = asyncio.get_running_loop().time() - self._started_at
        progress = Progress(self._finished, self.failed, self.resumed, self._total, seconds)
        if self._bar:
            self._bar.draw(progress)
        if self._on_progress:
            said = self._on_progress(progress)
            if inspect.isawaitable(said):
                await said

    async def _stop(self) -> None:
        left: list[asyncio.Task[Any]] = [*self._running, *([self._pull] if self._pull else [])]
        for task in left:
            task.cancel()
        # Gathered, so that each has given back its connection, and nobody's error is reported as never seen.
        await asyncio.gather(*left, return_exceptions=True)


def check_task(index: int, task: object) -> None:
    """Raises `TaskError` for what cannot be an item of a batch."""
    if inspect.iscoroutine(task):
        task.close()
        raise TaskError(
            f"Task {index} is a coroutine, which can be sent once only: give client.chat.completions.create(…) of a HolySheepClient, or its parameters."
        )
    if not isinstance(task, (Pending, Mapping)):
        raise TaskError(f"Task {index} is a {type(task).__name__}: give an un-awaited client.chat.completions.create(…), or a mapping of its parameters.")
    parameters = task.parameters if isinstance(task, Pending) else task
    if parameters.get("stream") is True:
        raise TaskError(f"Task {index} asks for a stream: a batch gives whole answers; leave out stream=True.")
    for name in ("model", "messages"):
        if name not in parameters:
            raise TaskError(f"Task {index} has no '{name}'.")


def _slow_down(error: openai.APIError, asked: float | None) -> bool:
    """Whether the server tells all of us to wait: 429, or 503 with a time, unless it adds that another try is in vain."""
    if not isinstance(error, openai.APIStatusError) or error.response.headers.get("x-should-retry") == "false":
        return False
    return error.status_code == 429 or (error.status_code == 503 and asked is not None)
