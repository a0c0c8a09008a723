#: found
import openai
async def ask(client: openai.AsyncOpenAI):
    stream = await client.chat.completions.create(model="m", messages=[], stream=True)
    async for chunk in stream:
        print(chunk.choices[0].delta.content)
#: found
from openai import OpenAI
def ask(client):
    for chunk in client.chat.completions.create(model="m", messages=[], stream=True):
        yield chunk.choices[0].delta.content
#: clean
from openai import OpenAI
def ask(client):
    for chunk in client.chat.completions.create(model="m", messages=[], stream=True):
        yield chunk
#: clean
from openai import OpenAI
def ask(client):
    return client.chat.completions.create(model="m", messages=[], stream=True)
#: clean
from holysheep import HolySheep
client = HolySheep()
for chunk in client.chat.completions.create(model="m", messages=[], stream=True):
    print(chunk.choices[0].delta.content)
#: clean
from openai import OpenAI
for chunk in OpenAI().chat.completions.create(model="m", messages=[], stream=True):
    if chunk.choices[0].finish_reason: break
#: clean
from openai import OpenAI
for chunk in OpenAI().chat.completions.create(model="m", messages=[], stream=True):
    print("event", chunk)
