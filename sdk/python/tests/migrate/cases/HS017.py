#: found
import asyncio
from openai import AsyncOpenAI
client = AsyncOpenAI()
async def one(text): return await client.chat.completions.create(model="m", messages=[text])
async def go(texts):
    tasks = []
    for text in texts:
        tasks.append(one(text))
    return await asyncio.gather(*tasks)
#: found
from asyncio import gather
from openai import AsyncOpenAI
class A:
    async def one(self, text): return await self.client.chat.completions.create(model="m", messages=[text])
    async def go(self, texts): return await gather(*map(self.one, texts))
#: found
import asyncio, openai
async def go(client: openai.AsyncOpenAI, texts):
    async with asyncio.TaskGroup() as group:
        for text in texts:
            group.create_task(client.chat.completions.create(model="m", messages=[text]))
#: found
import openai
client = openai.AsyncOpenAI()
def go(texts):
    tasks = [client.chat.completions.create(model="m", messages=[text]) for text in texts]
#: found
import openai
client = openai.OpenAI()
client.batch.chat.completions.create([])
#: clean
import openai
client = openai.OpenAI()
client.batches.create(input_file_id="f", endpoint="/v1/chat/completions", completion_window="24h")
#: clean
import asyncio, openai
async def one(client, limiter, text):
    async with limiter:
        return await client.chat.completions.create(model="m", messages=[text])
async def go(client, limiter, texts): return await asyncio.gather(*[one(client, limiter, text) for text in texts])
#: clean
import asyncio, openai
async def go(pages): return await asyncio.gather(*[fetch(page) for page in pages])
#: clean
import openai
client = openai.OpenAI()
answers = [client.chat.completions.create(model="m", messages=[text]) for text in "ab"]
#: clean
from holysheep import HolySheepClient
client = HolySheepClient()
async def go(texts): return await client.batch.chat.completions.create([client.chat.completions.create(model="m", messages=[t]) for t in texts])
