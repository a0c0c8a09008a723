#: fixed
import asyncio
from openai import AsyncOpenAI
client = AsyncOpenAI()

async def ask(text):
    return await client.chat.completions.create(model="m", messages=[text])


text = """two
lines"""
async with client:
    more = f"""{text}
    kept
"""
    print(await ask(text), more)
#: fixed
from openai import AsyncOpenAI
stream = await AsyncOpenAI().chat.completions.create(model="m", messages=[], stream=True)
async for chunk in stream:
	print(chunk.choices[0].finish_reason)
#: fixed
# only this
import openai
print(await openai.AsyncOpenAI().models.list())  # no line end
#: found
from openai import AsyncOpenAI
client = AsyncOpenAI()
def show(): print(answer)
answer = await client.chat.completions.create(model="m", messages=[])
#: found
import openai
x = 1
x = await openai.AsyncOpenAI().models.list()
#: found
import openai
x = await openai.AsyncOpenAI().models.list()
def f(): return x
#: clean
import asyncio, openai
async def main(): await openai.AsyncOpenAI().models.list()
asyncio.run(main())
#: clean
x = await something()
