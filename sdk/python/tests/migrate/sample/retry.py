import time
import openai
import httpx

client = openai.OpenAI(base_url="https://gateway.example/v1", api_key="hs_example")


def chat_with_retry(messages, max_retries=3):
    for attempt in range(max_retries):  # expect: HS007
        try:
            return client.chat.completions.create(model="deepseek-chat", messages=messages)
        except openai.RateLimitError:
            wait = 2 ** attempt
            print(f"limited, waiting {wait} s")
            time.sleep(wait)
        except Timeout:  # expect: HS010
            print("too slow")
    raise RuntimeError("gave up")


slow = openai.OpenAI(
    api_key="hs_example",
    max_retries=1,
    http_client=httpx.HTTPClient(  # expect: HS008
        timeout=httpx.Timeout(connect=10.0, read=60.0, write=10.0, pool=5.0),
    ),
)
