#: fixed
import time
from openai import OpenAI as C
class A:
    def __init__(self):
        self.client = C(
            api_key="hs_x",
            timeout=30,
        )
    def ask(self):
        tries = 0
        while tries < 5:
            try:
                return self.client.chat.completions.create(model="m", messages=[])
            except Exception:
                tries += 1
                time.sleep(1)
#: fixed
from openai import AsyncOpenAI
import asyncio
client = AsyncOpenAI()
async def other(): return await client.embeddings.create(model="m", input="x")
async def ask():
    for delay in (1, 2, 4):
        try:
            answer = await client.chat.completions.create(model="m", messages=[])
            break
        except Exception:
            await asyncio.sleep(delay)
#: fixed
import openai
from tenacity import retry, stop_after_attempt
client = openai.OpenAI(api_key=("x"))
@retry(stop=stop_after_attempt(3))
def ask():
    return client.responses.create(model="m", input="x")
#: fixed
import openai, backoff
def make():
    return openai.OpenAI()
client = make()
@backoff.on_exception(backoff.expo, openai.RateLimitError)
def ask():
    return client.chat.completions.create(model="m", messages=[])
#: found
import openai, time
def ask(client):
    while True:
        try:
            return client.chat.completions.create(model="m", messages=[])
        except openai.RateLimitError:
            time.sleep(1)
#: found
import openai, time
client = openai.OpenAI(max_retries=5)
def ask():
    for _ in range(3):
        try:
            return client.chat.completions.create(model="m", messages=[])
        except openai.RateLimitError:
            time.sleep(1)
#: found
import openai, time
client = openai.OpenAI(**options)
def ask():
    for _ in range(3):
        try:
            return client.chat.completions.create(model="m", messages=[])
        except openai.RateLimitError:
            time.sleep(1)
#: clean
import openai, time
client = openai.OpenAI(max_retries=0)
def ask():
    for _ in range(3):
        try:
            return client.chat.completions.create(model="m", messages=[])
        except openai.RateLimitError:
            time.sleep(1)
#: clean
import openai
client = openai.OpenAI()
def ask(prompts):
    for prompt in prompts:
        try:
            client.chat.completions.create(model="m", messages=prompt)
        except openai.BadRequestError:
            continue
#: clean
import openai
client = openai.OpenAI()
def chat():
    while True:
        text = input()
        try:
            print(client.chat.completions.create(model="m", messages=text))
        except openai.APIError as error:
            print(error)
#: clean
import time, urllib.request, openai
def fetch():
    for _ in range(3):
        try:
            return urllib.request.urlopen("http://x")
        except OSError:
            time.sleep(1)
#: clean
import openai
client = openai.OpenAI()
def ask():
    for _ in range(3):
        try:
            return client.chat.completions.create(model="m", messages=[])
        except openai.APIError:
            raise
