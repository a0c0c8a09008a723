from holysheep import HolySheepClient
from openai import AsyncOpenAI
import asyncio

client = HolySheepClient()
tasks = [client.chat.completions.create(model="deepseek-chat", messages=[{"role": "user", "content": text}]) for text in ("a", "b")]
results = await client.batch.chat.completions.create(tasks)  # expect: HS011
for result in results:
    print(result.choices[0].message.content)

plain = AsyncOpenAI()
calls = [plain.chat.completions.create(model="deepseek-chat", messages=[]) for _ in range(500)]
answers = await asyncio.gather(*calls)  # expect: HS017
more = await plain.batch.chat.completions.create(calls)  # expect: HS017
