"""The Python client of a Bellwether gateway, on top of the openai package.

    from holysheep import HolySheep

    client = HolySheep()  # HOLYSHEEP_API_KEY, HOLYSHEEP_BASE_URL
    answer = client.chat.completions.create(model="deepseek-chat", messages=[{"role": "user", "content": "Hello"}])
    print(answer.choices[0].message.content, answer.x_source, answer.x_latency_ms)

What it adds to `openai`: keys that are checked before they are sent, settings of its own, an `Idempotency-Key` for every call, streams that
never end silently, un-awaited calls for batches, a `HybridClient` that falls back and returns, and helpers for models and retries.
"""

from openai import Timeout

from . import errors, retry, types
from ._version import __version__
from .client import AsyncHolySheep, HolySheep, HolySheepClient
from .errors import (
    BatchError,
    BothSidesFailedError,
    ClientClosedError,
    EventLoopError,
    ForkedClientError,
    HolySheepError,
    InvalidKeyError,
    MissingKeyError,
    ResumeFileError,
    SettingsError,
    StreamCutError,
    TaskError,
    UnknownModelError,
)
from .hybrid import AsyncHybridClient, HybridClient, Side
from .keys import check_key
from .models import validate_model, validate_model_async
from .pending import Pending
from .streams import AsyncStream, Stream

__all__ = [
    "AsyncHolySheep",
    "AsyncHybridClient",
    "AsyncStream",
    "BatchError",
    "BothSidesFailedError",
    "ClientClosedError",
    "EventLoopError",
    "ForkedClientError",
    "HolySheep",
    "HolySheepClient",
    "HolySheepError",
    "HybridClient",
    "InvalidKeyError",
    "MissingKeyError",
    "Pending",
    "ResumeFileError",
    "SettingsError",
    "Side",
    "Stream",
    "StreamCutError",
    "TaskError",
    "Timeout",
    "UnknownModelError",
    "__version__",
    "check_key",
    "errors",
    "retry",
    "types",
    "validate_model",
    "validate_model_async",
]
