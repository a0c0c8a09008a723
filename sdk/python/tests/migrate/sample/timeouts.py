import httpx  # expect: HS009
from openai import (
    AsyncOpenAI,
    OpenAI,
    Timeout,
)

client = OpenAI(timeout=Timeout(60.0, connect=10.0))  # expect: HS019
patient = AsyncOpenAI(timeout=httpx.Timeout(300.0), max_retries=0)


def ask(messages):
    try:
        return client.chat.completions.create(model="deepseek-chat", messages=messages)
    except (ValueError, Timeout):  # expect: HS010
        return None
