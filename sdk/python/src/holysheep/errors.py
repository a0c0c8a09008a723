"""What goes wrong on this side of the wire. Whatever the gateway refuses is an `openai` error, as with the openai package itself.

Every error here derives from `HolySheepError`, and so from `openai.OpenAIError`; each message says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import httpx2
import openai

if TYPE_CHECKING:
    from .batch.results import BatchResults

__all__ = [
    "BatchError",
    "BothSidesFailedError",
    "ClientClosedError",
    "EventLoopError",
    "ForkedClientError",
    "HolySheepError",
    "InvalidKeyError",
    "MissingKeyError",
    "ResumeFileError",
    "SettingsError",
    "StreamCutError",
    "TaskError",
    "UnknownModelError",
]


class HolySheepError(openai.OpenAIError):
    """The root of this package's own errors."""


class SettingsError(HolySheepError):
    """An argument, an environment variable or a `.env` file does not make sense."""


class InvalidKeyError(SettingsError):
    """A key that no gateway can have issued: its prefix, length, alphabet or checksum is wrong. Nothing was sent."""


class MissingKeyError(InvalidKeyError):
    """No key was given. The variables of the openai package are never looked at."""


class EventLoopError(HolySheepError):
    """An asynchronous client was used without a running asyncio loop, or in a second one."""


class ForkedClientError(HolySheepError):
    """A client that was used before `fork()` is used again in the child, where it would share sockets with its parent."""


class ClientClosedError(HolySheepError):
    """The client was closed; its connections are gone."""


class StreamCutError(openai.APIConnectionError, HolySheepError):
    """A stream ended before the answer did: neither `[DONE]` nor a `finish_reason` for every choice came.

    What was received until then is only a part of the answer. The openai package ends such a stream silently.
    """


class UnknownModelError(HolySheepError):
    """The gateway does not serve this model to this key; `suggestions` holds the nearest names, best first."""

    def __init__(self, model: str, suggestions: Sequence[str], served: Sequence[str]) -> None:
        self.model = model
        self.suggestions = list(suggestions)
        self.served = list(served)
        if self.suggestions:
            hint = "did you mean " + " or ".join(f"'{name}'" for name in self.suggestions) + "?"
        elif self.served:
            hint = "served are " + ", ".join(self.served[:8]) + ("…" if len(self.served) > 8 else "")
        else:
            hint = "this key may use no model at all: ask whoever made it"
        super().__init__(f"Model not found: '{model}'; {hint}")


class TaskError(HolySheepError, TypeError):
    """Something in a batch is no task: it must be an un-awaited `create(...)` or a mapping of its parameters, and not a stream."""


class ResumeFileError(HolySheepError):
    """The file of a batch cannot be used: it belongs to something else, is in use, or cannot be written."""


class BatchError(HolySheepError):
    """Items of a batch failed. `results` holds every result in order, `errors` the failed ones by index."""

    def __init__(self, results: BatchResults[Any], errors: Mapping[int, Exception]) -> None:
        self.results = results
        self.errors = dict(errors)
        index, first = next(iter(self.errors.items()))
        super().__init__(f"{len(self.errors)} of {len(results)} items failed; the first is item {index}: {type(first).__name__}: {first}")


class BothSidesFailedError(openai.APIError, HolySheepError):
    """The primary and the fallback both failed; `primary` and `fallback` hold their errors.

    `primary` is None only where it is resting after earlier failures and could not be tried.
    """

    def __init__(self, primary: Exception | None, fallback: Exception) -> None:
        self.primary = primary
        self.fallback = fallback
        request = getattr(fallback, "request", None) or httpx2.Request("POST", "http://unknown/")
        first = f"primary: {type(primary).__name__}: {primary}" if primary else "primary: not tried"
        super().__init__(f"Both sides failed. {first}; fallback: {type(fallback).__name__}: {fallback}", request, body=getattr(fallback, "body", None))
