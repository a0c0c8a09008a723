"""Has nothing to do with the openai package: whatever stands here is not ours to judge."""

import os
import re
import time

import httpx
import requests
from groq import Groq
from requests import Timeout
from tenacity import retry

groq = Groq(api_key=os.environ.get("GROQ_API_KEY"), timeout=30)
TOKENS = re.compile(r"tokens: (\d+)")


@retry
def ask(messages):
    return groq.chat.completions.create(model="meta/llama-3", messages=messages, temperature=0.3)


def fetch(url: str):
    for attempt in range(3):
        try:
            return httpx.Client(timeout=httpx.Timeout(3)).get(url)
        except Exception:
            time.sleep(attempt)
    try:
        return requests.get(url, timeout=3)
    except Timeout:
        print("api_key", os.environ["GROQ_API_KEY"][:4])
        return None
