"""Trying again, once and not twice over.

The clients already try again by themselves (`max_retries`, 2 unless told otherwise). A hand-written loop around them multiplies: three
tries of three are nine requests. Inside `retrying`, the clients of this package send each request once and leave the counting to it;
a request that is repeated keeps its `Idempotency-Key`, so that it can be charged once. Nested helpers do not multiply either: the
outermost counts.

    from holysheep import retry

    @retry.retrying(attempts=5)
    def ask(question: str) -> str: ...

A plain `openai` client knows nothing of this: give it `max_retries=0`.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import functools
import hashlib
import inspect
import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar, cast

import openai

from .errors import SettingsError, StreamCutError

__all__ = ["delay_before", "is_transient", "retry_after", "retrying"]

F = TypeVar("F", bound=Callable[..., Any])

# As the openai package: 0.5 s, doubled up to 8 s, and a wait that is asked for is granted up to 2 minutes.
DELAY_FIRST = 0.5
DELAY_MAX = 8.0
RETRY_AFTER_MAX = 120.0


class Outer:
    """Somebody outside a call counts its tries. Lives for all of them."""

    def __init__(self, prefix: str | None = None) -> None:
        self._prefix = prefix or f"hs-retry-{uuid.uuid4()}"
        self._seen: dict[str, int] = {}

    def begin_attempt(self) -> None:
        self._seen.clear()

    def key_for(self, body: object) -> str:
        """The same for the same body at the same place of each attempt; different for all else."""
        text = json.dumps(body, sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._seen[digest] = self._seen.get(digest, 0) + 1
        return f"{self._prefix}-{digest}-{self._seen[digest]}"


_outer: ContextVar[Outer | None] = ContextVar("holysheep_outer_retry", default=None)


def outer() -> Outer | None:
    """Whoever counts the tries in this context, if anyone does."""
    return _outer.get()


@contextlib.contextmanager
def counted_outside(who: Outer) -> Iterator[None]:
    """Within, the clients send each request once."""
    token = _outer.set(who)
    try:
        yield
    finally:
        _outer.reset(token)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a date. None if it does not say."""
    with contextlib.suppress(KeyError, ValueError):
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    said = headers.get("retry-after")
    if said is None:
        return None
    with contextlib.suppress(ValueError):
        return max(0.0, float(said))
    parsed = email.utils.parsedate_tz(said)
    return None if parsed is None else max(0.0, email.utils.mktime_tz(parsed) - time.time())


def headers_of(error: BaseException) -> Mapping[str, str]:
    """The headers of the answer that an error stands for; empty if there was none."""
    return error.response.headers if isinstance(error, openai.APIStatusError) else {}


def is_transient(error: BaseException) -> bool:
    """Whether trying again can help, by the openai package's own rules: no answer, 408, 409, 429, 5xx, unless `x-should-retry` says otherwise.

    A stream that was cut is not: some of it was delivered already.
    """
    if isinstance(error, StreamCutError):
        return False
    if isinstance(error, openai.APIStatusError):
        said = error.response.headers.get("x-should-retry")
        if said in ("true", "false"):
            return said == "true"
        asked = retry_after(error.response.headers)
        if asked is not None and asked > RETRY_AFTER_MAX:
            return False
        return error.status_code in (408, 409, 429) or error.status_code >= 500
    return isinstance(error, openai.APIConnectionError)


def delay_before(attempt: int, error: BaseException | None = None) -> float:
    """Seconds to wait before the attempt with this number (1 is the first repetition): as asked for, else doubling with jitter."""
    asked = retry_after(headers_of(error)) if error else None
    if asked is not None and asked <= RETRY_AFTER_MAX:
        return asked
    return float(min(DELAY_FIRST * 2.0 ** min(attempt - 1, 16), DELAY_MAX)) * (1 - 0.25 * random.random())


def retrying(*, attempts: int = 3, when: Callable[[BaseException], bool] = is_transient) -> Callable[[F], F]:
    """Makes a function (or a coroutine function) be tried up to `attempts` times in all, while `when(error)` says that it helps.

    The last error is raised as it came. Between the tries it waits as `delay_before` says.
    """
    if attempts < 1:
        raise SettingsError(f"attempts is {attempts}; it counts the first try too, so it is 1 or more.")

    def decorate(function: F) -> F:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def again_async(*args: Any, **more: Any) -> Any:
                if outer() is not None:
                    return await function(*args, **more)
                who = Outer()
                for attempt in range(1, attempts + 1):
                    try:
                        with counted_outside(who):
                            who.begin_attempt()
                            return await function(*args, **more)
                    except Exception as error:
                        if attempt == attempts or not when(error):
                            raise
                        await asyncio.sleep(delay_before(attempt, error))
                raise AssertionError("unreachable")

            return cast(F, again_async)

        @functools.wraps(function)
        def again(*args: Any, **more: Any) -> Any:
            if outer() is not None:
                return function(*args, **more)
            who = Outer()
            for attempt in range(1, attempts + 1):
                try:
                    with counted_outside(who):
                        who.begin_attempt()
                        return function(*args, **more)
                except Exception as error:
                    if attempt == attempts or not when(error):
                        raise
                    time.sleep(delay_before(attempt, error))
            raise AssertionError("unreachable")

        return cast(F, again)

    return decorate
