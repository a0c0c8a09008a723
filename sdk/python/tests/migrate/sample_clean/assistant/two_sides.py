"""Two upstreams by hand: only an outage switches, and the primary is asked again after a while."""

import time

import openai

OUTAGE = (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError)


class TwoSides:
    def __init__(self, primary: openai.OpenAI, backup: openai.OpenAI) -> None:
        self.primary, self.backup = primary, backup
        self.use_fallback = False
        self.since = 0.0

    def ask(self, model: str, messages):
        if self.use_fallback and time.monotonic() - self.since > 30:
            self.use_fallback = False
        if not self.use_fallback:
            try:
                return self.primary.chat.completions.create(model=model, messages=messages)
            except OUTAGE:
                self.use_fallback = True
                self.since = time.monotonic()
        return self.backup.chat.completions.create(model=model, messages=messages)

    def ask_patiently(self, model: str, messages):
        quick = self.primary.with_options(max_retries=0)
        for attempt in range(5):
            try:
                return quick.chat.completions.create(model=model, messages=messages)
            except openai.RateLimitError:
                time.sleep(2**attempt)
        raise TimeoutError

    def ask_all_models(self, models: list[str], messages):
        answers = []
        for model in models:
            try:
                answers.append(self.primary.chat.completions.create(model=model, messages=messages))
            except openai.NotFoundError:
                continue
        return answers
