"""What a type checker has to see; checked by mypy --strict and never run."""

from __future__ import annotations

from collections.abc import AsyncIterator

import openai
from typing_extensions import assert_type

from holysheep import (
    AsyncHolySheep,
    AsyncHybridClient,
    AsyncStream,
    HolySheep,
    HolySheepClient,
    HybridClient,
    Pending,
    Side,
    Stream,
    Timeout,
    retry,
    validate_model,
)
from holysheep.batch import BatchResults, Progress
from holysheep.hybrid import HybridStream
from holysheep.types import ChatCompletion, ChatCompletionChunk, DeepSeekReasoner, DeepSeekV3, Model


def synchronous(client: HolySheep) -> None:
    answer = client.chat.completions.create(model=DeepSeekV3, messages=[{"role": "user", "content": "x"}], temperature=0.5, timeout=Timeout(60.0, connect=10.0))
    assert_type(answer, ChatCompletion)
    assert_type(answer.x_latency_ms, float | None)
    assert_type(answer.x_source, str | None)
    stream = client.chat.completions.create(model="deepseek-chat", messages=[], stream=True, extra_body={"top_k": 5})
    assert_type(stream, Stream[ChatCompletionChunk])
    for chunk in stream:
        assert_type(chunk.x_source, str | None)
    known_as_openai: openai.OpenAI = client
    assert_type(validate_model(known_as_openai, DeepSeekReasoner), str)
    assert_type(client.with_options(max_retries=0), HolySheep)
    assert_type(client.batch.chat.completions.create([{"model": "m", "messages": []}]), BatchResults[ChatCompletion])
    client.chat.completions.create(messages=[])  # type: ignore[call-overload]
    client.chat.completions.create(model="m", messages=[], temperatur=1)  # type: ignore[call-overload]


async def asynchronous(client: HolySheepClient) -> None:
    pending = client.chat.completions.create(model=Model("m"), messages=[])
    assert_type(pending, Pending[ChatCompletion])
    assert_type(await pending, ChatCompletion)
    stream = await client.chat.completions.create(model="m", messages=[], stream=True)
    assert_type(stream, AsyncStream[ChatCompletionChunk])
    results = await client.batch.chat.completions.create([pending, {"model": "m", "messages": []}], requests_per_minute=60, concurrency=4)
    assert_type([result.choices[0].message.content for result in results], list[str | None])
    returned = await client.batch.chat.completions.create(tasks(client), on_error="return", on_progress=lambda progress: print(progress.per_second))
    assert_type(returned[0], ChatCompletion | Exception)
    async for result in client.batch.chat.completions.iterate(tasks(client), resume="batch.jsonl"):
        assert_type(result, ChatCompletion | Exception)
    same: AsyncHolySheep = client
    assert_type(await same.validate_model("m"), str)


async def tasks(client: HolySheepClient) -> AsyncIterator[Pending[ChatCompletion]]:
    yield client.chat.completions.create(model="m", messages=[])


async def told(progress: Progress) -> None:
    assert_type(progress.total, int | None)


@retry.retrying(attempts=2)
def ask(question: str) -> str:
    return question


assert_type(ask("x"), str)


def hybrid(client: HybridClient) -> None:
    answer = client.chat.completions.create(model=DeepSeekV3, messages=[])
    assert_type(answer.source, str | None)
    assert_type(answer.latency_ms, float | None)
    assert_type(client.chat.completions.create(model="m", messages=[], stream=True), HybridStream)


async def hybrid_asynchronous(client: AsyncHybridClient) -> None:
    assert_type(await client.chat.completions.create(model="m", messages=[]), ChatCompletion)
    async for chunk in await client.chat.completions.create(model="m", messages=[], stream=True):
        assert_type(chunk, ChatCompletionChunk)


SIDES = HybridClient(Side.gateway(timeout=30), Side.server("http://gpu-1:8000/v1", model={"deepseek-chat": "deepseek-ai/DeepSeek-V3"}, timeout=Timeout(120.0)))
