"""The two clients: `HolySheep` for threads, `HolySheepClient` (also named `AsyncHolySheep`) for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
import weakref
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import httpx2
import openai

from . import models, retry
from .chat import AsyncChat, Chat
from .errors import SettingsError
from .guard import Guard
from .keys import check_key
from .pending import IDEMPOTENCY_HEADER
from .settings import connections_max, find_base_url, find_key
from .streams import watched
from .types import OURS

if TYPE_CHECKING:
    from .batch.resource import AsyncBatch, Batch

__all__ = ["AsyncHolySheep", "HolySheep", "HolySheepClient"]

# A connection that stays idle longer is likelier to be closed by the other side just when it is used again.
KEEPALIVE_SECONDS = 30.0


def _http_options(connections: int) -> dict[str, Any]:
    # All connections may be kept: a batch would otherwise open a new one for every request past the hundredth.
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEPALIVE_SECONDS)
    return {"limits": limits, "timeout": openai.DEFAULT_TIMEOUT, "follow_redirects": True}


class _Http(httpx2.Client):
    """Closes its connections when it is collected. `__del__` would come too late: in a cycle, Python may finalize the sockets before their client."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        transports = [self._transport, *(transport for transport in self._mounts.values() if transport)]
        weakref.finalize(self, _close, os.getpid(), transports)


def _close(process: int, transports: list[httpx2.BaseTransport]) -> None:
    if process != os.getpid():
        return  # a child after a fork: the locks within may be held by a thread that is not here
    for transport in transports:
        with contextlib.suppress(Exception):
            transport.close()


class _AsyncHttp(httpx2.AsyncClient):
    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            if not self.is_closed:
                asyncio.get_running_loop().create_task(self._close_quietly())

    async def _close_quietly(self) -> None:
        with contextlib.suppress(Exception):  # the loop that its connections belong to may be gone
            await self.aclose()


class _Common:
    """What both clients do before openai's own code runs. Mixed in, and never used by itself."""

    api_key: str
    organization: str | None
    project: str | None
    admin_api_key: str | None
    webhook_secret: str | None
    connections: int
    _guard: Guard
    _key_check: Literal["strict", "off"]

    def _settle(self, given: Mapping[str, Any], default_headers: Mapping[str, str] | None) -> None:
        """After openai's constructor: takes back what it read from the variables of the openai package."""
        self.organization = given.get("organization")
        self.project = given.get("project")
        self.admin_api_key = given.get("admin_api_key")
        self.webhook_secret = given.get("webhook_secret")
        self._custom_headers = dict(default_headers or {})
        self._ambient_authorizations: frozenset[str] = frozenset()
        # One key for each call, the same over its retries.
        self._idempotency_header: str | None = IDEMPOTENCY_HEADER

    def _prepared(self, options: Any) -> Any:
        who = retry.outer()
        # A batch names its keys itself: another one would be made for nothing, and remembered for as long as the batch runs.
        named = isinstance(options.headers, Mapping) and any(name.lower() == IDEMPOTENCY_HEADER.lower() for name in options.headers)
        if options.idempotency_key is None and not named and options.method.lower() != "get":
            options.idempotency_key = who.key_for([str(options.url), options.json_data]) if who else f"hs-{uuid.uuid4()}"
        if who is not None:
            options.max_retries = 0
        return options

    def _extra(self, more: Mapping[str, Any]) -> dict[str, Any]:
        extra: dict[str, Any] = {"key_check": self._key_check, "connections": self.connections, **(more.get("_extra_kwargs") or {})}
        if more.get("http_client") is None:
            extra["_guard"] = self._guard
        return extra


def _found(
    api_key: str | None, base_url: object | None, env_file: str | os.PathLike[str] | None, key_check: str, connections: int | None
) -> tuple[str, str, int]:
    if api_key is not None and not isinstance(api_key, str):
        raise SettingsError(f"api_key is a {type(api_key).__name__}; give the key's text (for a key that changes, make a new client by with_options).")
    key = find_key(api_key, env_file)
    if key_check == "strict":
        check_key(key)
    elif key_check != "off":
        raise SettingsError(f"key_check is {key_check!r}; it is 'strict' or 'off'.")
    if connections is not None and connections < 1:
        raise SettingsError(f"connections is {connections}; a client needs at least one.")
    return key, find_base_url(base_url, env_file), connections or connections_max()


class HolySheep(_Common, openai.OpenAI):  # type: ignore[misc]
    """The synchronous client: `openai.OpenAI` in all but where its settings come from, the types of its answers, and cut streams.

    `api_key` and `base_url` come from the arguments, else `HOLYSHEEP_API_KEY` and `HOLYSHEEP_BASE_URL`, else the file named by `env_file`
    (needs the extra `dotenv`). A key whose form is wrong raises `InvalidKeyError` before anything is sent; `key_check="off"` is for
    servers that are not Bellwether, such as a bare vLLM. `connections` bounds the open connections (see `settings.connections_max`).
    Every other keyword is openai's own. Safe to use from several threads.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | httpx2.URL | None = None,
        timeout: float | openai.Timeout | httpx2.Timeout | openai.NotGiven | None = openai.not_given,
        max_retries: int = openai.DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        http_client: httpx2.Client | None = None,
        env_file: str | os.PathLike[str] | None = None,
        key_check: Literal["strict", "off"] = "strict",
        connections: int | None = None,
        _guard: Guard | None = None,
        **more: Any,
    ) -> None:
        key, url, self.connections = _found(api_key, base_url, env_file, key_check, connections)
        self._guard, self._key_check = _guard or Guard(), key_check
        super().__init__(
            api_key=key,
            base_url=url,
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            http_client=http_client or _Http(**_http_options(self.connections)),
            **more,
        )
        self._settle(more, default_headers)

    if TYPE_CHECKING:

        @property
        def chat(self) -> Chat: ...
        @property
        def batch(self) -> Batch: ...

    else:

        @cached_property
        def chat(self) -> Chat:
            return Chat(self)

        @cached_property
        def batch(self) -> Batch:
            """`client.batch.chat.completions.create(tasks, …)`: many calls at once, within bounds."""
            from .batch.resource import Batch

            return Batch(self)

        def copy(self, **changes):
            return super().copy(**{**changes, "_extra_kwargs": self._extra(changes)})

        with_options = copy

    def request(self, cast_to: Any, options: Any, *, stream: bool = False, stream_cls: Any = None) -> Any:
        """openai's own door for every request, with the guard before it and our types behind it."""
        self._guard.check(self.is_closed())
        return super().request(OURS.get(cast_to, cast_to), self._prepared(options), stream=stream, stream_cls=watched(stream_cls))

    def asynchronous(self) -> HolySheepClient:
        """An asynchronous client with the same settings and connections of its own."""
        return HolySheepClient(
            api_key=self.api_key,
            base_url=self.base_url,
            timeout=self.timeout,
            max_retries=self.max_retries,
            default_headers=dict(self._custom_headers),
            default_query=dict(self._custom_query),
            key_check=self._key_check,
            connections=self.connections,
        )

    def validate_model(self, name: str) -> str:
        """The name as the gateway sells it; `UnknownModelError` with suggestions if it does not. See `holysheep.validate_model`."""
        return models.validate_model(self, name)


class HolySheepClient(_Common, openai.AsyncOpenAI):  # type: ignore[misc]
    """The asynchronous client: `openai.AsyncOpenAI` likewise (see `HolySheep` for the arguments). `AsyncHolySheep` is the same class.

    `client.chat.completions.create(…)` returns a `Pending`: nothing is sent until it is awaited, or given to
    `client.batch.chat.completions.create(…)`. A client belongs to the event loop of its first request, and to asyncio.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | httpx2.URL | None = None,
        timeout: float | openai.Timeout | httpx2.Timeout | openai.NotGiven | None = openai.not_given,
        max_retries: int = openai.DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        http_client: httpx2.AsyncClient | None = None,
        env_file: str | os.PathLike[str] | None = None,
        key_check: Literal["strict", "off"] = "strict",
        connections: int | None = None,
        _guard: Guard | None = None,
        **more: Any,
    ) -> None:
        key, url, self.connections = _found(api_key, base_url, env_file, key_check, connections)
        self._guard, self._key_check = _guard or Guard(), key_check
        super().__init__(
            api_key=key,
            base_url=url,
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            http_client=http_client or _AsyncHttp(**_http_options(self.connections)),
            **more,
        )
        self._settle(more, default_headers)

    if TYPE_CHECKING:

        @property
        def chat(self) -> AsyncChat: ...
        @property
        def batch(self) -> AsyncBatch: ...

    else:

        @cached_property
        def chat(self) -> AsyncChat:
            return AsyncChat(self)

        @cached_property
        def batch(self) -> AsyncBatch:
            """`await client.batch.chat.completions.create(tasks, …)`: many calls at once, within bounds."""
            from .batch.resource import AsyncBatch

            return AsyncBatch(self)

        def copy(self, **changes):
            return super().copy(**{**changes, "_extra_kwargs": self._extra(changes)})

        with_options = copy

    async def request(self, cast_to: Any, options: Any, *, stream: bool = False, stream_cls: Any = None) -> Any:
        """openai's own door for every request, with the guard before it and our types behind it."""
        self._guard.check(self.is_closed())
        self._guard.check_loop()
        return await super().request(OURS.get(cast_to, cast_to), self._prepared(options), stream=stream, stream_cls=watched(stream_cls))

    async def validate_model(self, name: str) -> str:
        """The name as the gateway sells it; `UnknownModelError` with suggestions if it does not. See `holysheep.validate_model`."""
        return await models.validate_model_async(self, name)


AsyncHolySheep = HolySheepClient
