"""Many questions at once, within bounds: by hand, and by the client."""

import asyncio

from holysheep import HolySheepClient
from openai import AsyncOpenAI

from .settings import MODEL

turns = asyncio.Semaphore(16)


async def ask(client: AsyncOpenAI, text: str):
    async with turns:
        return await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}])


async def by_hand(texts: list[str]):
    async with AsyncOpenAI(max_retries=4) as client:
        return await asyncio.gather(*(ask(client, text) for text in texts))


async def two(client: AsyncOpenAI):
    return await asyncio.gather(ask(client, "a"), ask(client, "b"))


async def by_client(texts: list[str]):
    async with HolySheepClient() as client:
        tasks = [client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}]) for text in texts]
        results = await client.batch.chat.completions.create(tasks, requests_per_minute=600)
        return [(result.choices[0].message.content, result.x_latency_ms) for result in results]


if __name__ == "__main__":
    asyncio.run(by_client(["Hello"]))
