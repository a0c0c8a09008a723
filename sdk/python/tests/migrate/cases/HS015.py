#: found
from openai import OpenAI
def ask(client, prompt):
    reply = client.chat.completions.create(model="m", messages=prompt)
    prompt_tokens = len(prompt.split())
    return reply, prompt_tokens
#: found
from openai import OpenAI
def ask(client):
    total = 0
    for chunk in client.chat.completions.create(model="m", messages=[], stream=True):
        if chunk.usage and chunk.choices[0].finish_reason:
            total = chunk.usage.total_tokens
    return total
#: clean
from openai import OpenAI
def ask(client):
    for chunk in client.chat.completions.create(model="m", messages=[], stream=True, stream_options={"include_usage": True}):
        print(chunk.usage, chunk.choices[0].finish_reason)
#: clean
from openai import OpenAI
def ask(client, **more):
    for chunk in client.chat.completions.create(model="m", messages=[], stream=True, **more):
        print(chunk.usage, chunk.choices[0].finish_reason)
#: clean
from openai import OpenAI
def ask(client, prompt):
    reply = client.chat.completions.create(model="m", messages=prompt)
    tokens = reply.usage.total_tokens
    words = len(prompt.split())
    return tokens, words
#: clean
from openai import OpenAI
def ask(client, prompt):
    max_tokens = len(prompt) // 2
    return client.chat.completions.create(model="m", messages=prompt, max_tokens=max_tokens)
