"""`client.chat.completions` of both clients: the openai package's own, with typed answers and, in the asynchronous one, calls that wait to be awaited."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast, overload

import openai.resources.chat
import openai.resources.chat.completions
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming
from typing_extensions import Required, Unpack

from .pending import Pending
from .streams import AsyncStream, Stream
from .types import ChatCompletion, ChatCompletionChunk

if TYPE_CHECKING:
    import httpx2

__all__ = ["AsyncChat", "AsyncCompletions", "Chat", "Completions", "Parameters", "StreamParameters"]


class Parameters(CompletionCreateParamsNonStreaming, total=False):
    """What `create()` takes: the parameters of the installed openai package, and its four `extra_…`/`timeout` ones."""

    extra_headers: Mapping[str, Any] | None
    extra_query: Mapping[str, object] | None
    extra_body: object | None
    timeout: float | httpx2.Timeout | openai.NotGiven | None


class StreamParameters(CompletionCreateParamsStreaming, total=False):
    """The same for `stream=True`."""

    stream: Required[Literal[True]]
    extra_headers: Mapping[str, Any] | None
    extra_query: Mapping[str, object] | None
    extra_body: object | None
    timeout: float | httpx2.Timeout | openai.NotGiven | None


class Completions(openai.resources.chat.completions.Completions):
    """`client.chat.completions` of `HolySheep`."""

    @overload  # type: ignore[override]
    def create(self, **parameters: Unpack[Parameters]) -> ChatCompletion: ...
    @overload
    def create(self, **parameters: Unpack[StreamParameters]) -> Stream[ChatCompletionChunk]: ...
    def create(self, **parameters: Any) -> Any:
        """Sends the call and gives the answer; with `stream=True` a stream that raises `StreamCutError` where it is cut."""
        return super().create(**parameters)


class AsyncCompletions(openai.resources.chat.completions.AsyncCompletions):
    """`client.chat.completions` of `HolySheepClient`."""

    @overload  # type: ignore[override]
    def create(self, **parameters: Unpack[Parameters]) -> Pending[ChatCompletion]: ...
    @overload
    def create(self, **parameters: Unpack[StreamParameters]) -> Pending[AsyncStream[ChatCompletionChunk]]: ...
    def create(self, **parameters: Any) -> Any:
        """A call that is sent when it is awaited, and once however often that is. See `holysheep.Pending`."""
        return Pending(self._send, parameters)

    async def _send(self, parameters: Mapping[str, Any]) -> Any:
        return await super().create(**parameters)


class Chat(openai.resources.chat.Chat):
    """`client.chat` of `HolySheep`."""

    if TYPE_CHECKING:

        @property
        def completions(self) -> Completions: ...

    else:

        @cached_property
        def completions(self) -> Completions:
            return Completions(self._client)


class AsyncChat(openai.resources.chat.AsyncChat):
    """`client.chat` of `HolySheepClient`."""

    if TYPE_CHECKING:

        @property
        def completions(self) -> AsyncCompletions: ...

    else:

        @cached_property
        def completions(self) -> AsyncCompletions:
            return AsyncCompletions(cast(Any, self._client))
