"""One question, one answer; the client retries, nobody else does."""

from __future__ import annotations

import logging
import time

import openai
from openai import OpenAI, Timeout

from .settings import MODEL, Settings

log = logging.getLogger(__name__)


class CutStream(RuntimeError):
    pass


class Service:
    def __init__(self, settings: Settings, client: OpenAI | None = None):
        self.client = client or OpenAI(
            base_url=settings.base_url,
            api_key=settings.api_key,
            timeout=Timeout(60.0, connect=5.0),
            max_retries=2,
        )
        log.info("gateway %s, key %s", settings.base_url, "set" if settings.api_key else "missing")

    def ask(self, messages: list[dict[str, str]]) -> str:
        started = time.monotonic()
        try:
            response = self.client.chat.completions.create(model=MODEL, messages=messages)
        except openai.APITimeoutError:
            log.warning("no answer in time")
            raise
        except openai.APIStatusError as error:
            log.warning("status %s, request %s", error.status_code, error.request_id)
            raise
        latency = getattr(response, "x_latency_ms", None)
        if hasattr(response, "x_source"):
            log.info("from %s", response.x_source)
        log.info("%s ms at the gateway, %.0f ms here", latency, 1000 * (time.monotonic() - started))
        return response.choices[0].message.content or ""

    def ask_each(self, questions: list[str]) -> dict[str, str]:
        answers = {}
        for index in range(len(questions)):
            try:
                answers[questions[index]] = self.ask([{"role": "user", "content": questions[index]}])
            except openai.BadRequestError:
                continue
        return answers

    def tell(self, messages: list[dict[str, str]]):
        finish = None
        stream = self.client.chat.completions.create(
            model=MODEL, messages=messages, stream=True, stream_options={"include_usage": True}, temperature=0
        )
        for chunk in stream:
            if chunk.usage:
                log.info("%d tokens out", chunk.usage.completion_tokens)
            if not chunk.choices:
                continue
            finish = chunk.choices[0].finish_reason or finish
            yield chunk.choices[0].delta.content or ""
        if finish is None:
            raise CutStream

    def raw(self, messages: list[dict[str, str]]):
        for chunk in self.client.chat.completions.create(model=MODEL, messages=messages, stream=True):
            yield chunk
