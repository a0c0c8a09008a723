import os
import logging

from openai import OpenAI as Client

log = logging.getLogger(__name__)


class HybridDeepSeekClient:
    """Hosted first, our own GPUs when that fails."""

    def __init__(self, hosted_key: str, vllm_url: str = "http://localhost:8000/v1"):
        self.hosted = Client(base_url="https://gateway.example/v1", api_key=hosted_key, timeout=30)  # expect: HS019
        self.fallback = Client(base_url="http://gpu-1:8000/v1", api_key="EMPTY")  # expect: HS013
        self.use_fallback = False

    def chat(self, messages, model="deepseek-ai/DeepSeek-V3", **options):  # expect: HS014
        if not self.use_fallback:
            try:
                response = self.hosted.chat.completions.create(model="deepseek-chat", messages=messages, **options)
                log.info("answered in %.0f ms", response.x_latency_ms)  # expect: HS003
                return response
            except Exception as error:  # expect: HS005
                log.warning("hosted failed: %s", error)
                self.use_fallback = True  # expect: HS004
        return self.fallback.chat.completions.create(model=model, messages=messages, max_tokens=1000)


def check_key():
    key = os.environ.get("HOLYSHEEP_API_KEY", "")
    if not key.startswith("hs_"):
        raise ValueError(f"not a key of the gateway: {key}")
    print("key:", os.environ["HOLYSHEEP_API_KEY"][:8] + "...")  # expect: HS016
