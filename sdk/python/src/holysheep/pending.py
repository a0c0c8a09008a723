"""A call that was made but not sent.

`client.chat.completions.create(…)` returns one at once. `await` sends it; a list of them goes to `client.batch.chat.completions.create(…)`.

* Awaited twice, also at the same time, it sends once; both get the same answer or the same error.
* Never awaited, nothing is sent, and nothing warns.
* When the only one who waits is cancelled, so is the request: its connection is closed and the gateway stops the upstream. The call is then
  unsent again; awaiting it anew sends it with the same `Idempotency-Key`. While others wait too, the request goes on for them.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from typing import Any, Generic, TypeVar

from .errors import EventLoopError
from .guard import running_loop

__all__ = ["Pending"]

T = TypeVar("T")
Sender = Callable[[Mapping[str, Any]], Coroutine[Any, Any, T]]
IDEMPOTENCY_HEADER = "Idempotency-Key"


class Pending(Awaitable[T], Generic[T]):
    """See the module. `parameters` is what the call was made with; it is not changed."""

    def __init__(self, send: Sender[T], parameters: Mapping[str, Any]) -> None:
        self.parameters = parameters
        self._send = send
        self._key: str | None = None
        self._task: asyncio.Future[T] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting = 0

    @property
    def sent(self) -> bool:
        """Whether the request is on its way or answered."""
        return self._task is not None

    def __await__(self) -> Generator[Any, None, T]:
        return self.through(self._send_once).__await__()

    async def _send_once(self) -> T:
        parameters = dict(self.parameters)
        headers = dict(parameters.get("extra_headers") or {})
        if not any(name.lower() == IDEMPOTENCY_HEADER.lower() for name in headers):
            self._key = self._key or f"hs-{uuid.uuid4()}"
            parameters["extra_headers"] = {**headers, IDEMPOTENCY_HEADER: self._key}
        return await self._send(parameters)

    async def through(self, send: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What awaiting gives, except that an unsent call is sent by `send`: a batch paces and repeats it in its own way."""
        loop = running_loop()
        if self._task is None:
            self._loop = loop
            self._task = loop.create_task(send())
        elif self._loop is not loop and not self._task.done():
            raise EventLoopError("This call is on its way in another event loop: await it there.")
        task = self._task
        if not task.done():
            self._waiting += 1
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                if self._waiting == 1 and not task.done():
                    self._task = None
                    await _end(task)
                elif task.done() and not task.cancelled():
                    task.exception()  # it is kept for the next await; without a look at it asyncio would report it as never seen
                raise
            finally:
                self._waiting -= 1
        return task.result()

    def settle(self, answer: T) -> None:
        """Gives an unsent call the answer that an earlier run got for it."""
        if self._task is None:
            self._loop = running_loop()
            self._task = self._loop.create_future()
            self._task.set_result(answer)

    def send_with_key(self, key: str | None) -> Callable[[], Coroutine[Any, Any, T]]:
        """What `through` takes: sends the call once each time it is called, always with this `Idempotency-Key` (or one of its own)."""
        self._key = self._key or key
        return self._send_once

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"'{name}' is a part of the answer, and this call was not awaited: (await client.chat.completions.create(…)).{name}")

    def __repr__(self) -> str:
        state = "unsent" if self._task is None else "answered" if self._task.done() else "on its way"
        return f"<Pending {self.parameters.get('model')!s}: {state}>"


async def _end(task: asyncio.Future[Any]) -> None:
    """Cancels the task and waits until its connection is given back. What it says at its end is nobody's business any more."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
