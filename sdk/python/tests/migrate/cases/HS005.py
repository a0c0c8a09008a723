#: found
from openai import OpenAI
def ask(client, local):
    try:
        return client.chat.completions.create(model="m", messages=[])
    except:
        return local.chat.completions.create(model="m", messages=[])
#: found
import openai
def ask(clients: list[openai.OpenAI]):
    for client in clients:
        try:
            return client.chat.completions.create(model="m", messages=[])
        except openai.OpenAIError as error:
            print(error)
            continue
#: found
from openai import AsyncOpenAI
class C:
    async def ask(self):
        try:
            return await self.main.chat.completions.create(model="m", messages=[])
        except (ValueError, Exception):
            return await self.call_fallback()
#: clean
from openai import OpenAI
def ask(client):
    try:
        return client.chat.completions.create(model="m", messages=[])
    except Exception:
        print("failed")
        raise
#: clean
from openai import OpenAI
def ask(client):
    try:
        return client.chat.completions.create(model="m", messages=[])
    except Exception as error:
        return {"error": str(error)}
#: clean
import openai
def ask(client, local):
    try:
        return client.chat.completions.create(model="m", messages=[])
    except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError):
        return local.chat.completions.create(model="m", messages=[])
#: clean
from openai import OpenAI
def ask(client, local):
    try:
        path = open("x")
    except Exception:
        return local.chat.completions.create(model="m", messages=[])
