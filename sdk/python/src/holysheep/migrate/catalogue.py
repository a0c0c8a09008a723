"""The catalogue: one row for each pattern that breaks or bites when Python code moves between a vLLM, openai's package and a gateway.

Pure data. The command line, the page in docs/sdk and the tests are all made from it: an `example` is scanned for real, and must be found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["breaks", "bites", "note"]
Mending = Literal["automatic", "where certain", "suggestion"]


@dataclass(frozen=True)
class Pattern:
    """One row. `why` states the fact, `source` where it is from, `advice` what to do, `example` code that has the pattern."""

    id: str
    name: str
    matches: str
    why: str
    source: str
    severity: Severity
    mending: Mending
    advice: str
    example: str

    @property
    def docs(self) -> str:
        """Where the page has more."""
        return f"docs/sdk/migrate.md#{self.id.lower()}"


OPENAI = "openai-python 3.57.0"

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "HS001",
        "vllm-log-regex",
        "a regular expression for `Input tokens: N … Output tokens: N` lines in a vLLM log",
        "No version of vLLM prints such a line. Its log has interval lines (`Avg prompt throughput: … tokens/s`) and access lines; "
        "requests are not logged by "
        "default, and where they are, without token counts. The audit finds nothing, adds up to zero and ends without an error.",
        "vLLM `v1/metrics/loggers.py`; request logging is opt-in since vLLM PR 21739",
        "breaks",
        "suggestion",
        "read usage with `bellwether audit LOG…` (it takes the interval lines, Prometheus and access lines), or add up `usage` from the answers",
        """import re

# vLLM prints one of these for each request
LINE = re.compile(r"Input tokens: (\\d+).*Output tokens: (\\d+)")
""",
    ),
    Pattern(
        "HS002",
        "input-only-cost",
        "a cost that is computed from input tokens alone",
        "Output tokens are billed too, mostly at a higher price: 100 M in and 50 M out at 0.42 USD a million are 63 USD, the input alone is 42 USD.",
        "arithmetic; price lists of hosted models (DeepSeek V3, February 2025: 0.27 in, 1.10 out)",
        "bites",
        "suggestion",
        "price input, cached input and output apart (`bellwether roi` does), or sum what the gateway's ledger has",
        """PRICE = 0.42  # USD per million tokens, deepseek


def monthly_cost(input_tokens, output_tokens):
    cost = input_tokens / 1_000_000 * PRICE
    return cost
""",
    ),
    Pattern(
        "HS003",
        "extra-field-unguarded",
        "`x_latency_ms` or `x_source` read as an attribute of an answer of the openai package",
        "The gateway adds the two fields; a bare vLLM, or any other server, does not, and then the read is an AttributeError after "
        "the answer was paid for. "
        "Inside a `try … except Exception` it looks like an outage.",
        f"openai response models keep unknown fields and have no others ({OPENAI}); the two fields are the gateway's",
        "breaks",
        "suggestion",
        '`getattr(response, "x_latency_ms", None)`, or a client of the holysheep package, whose answers are typed with both fields',
        """from openai import OpenAI

client = OpenAI()


def ask(messages, model):
    response = client.chat.completions.create(model=model, messages=messages)
    print(f"{response.x_latency_ms:.0f} ms")
    return response
""",
    ),
    Pattern(
        "HS004",
        "one-way-fallback",
        "a flag that is switched to the fallback in an `except` and never back",
        "One short failure sends everything to the fallback until the process restarts, and nobody is told.",
        "tried: after one 503 the primary is never asked again",
        "bites",
        "suggestion",
        "`holysheep.HybridClient` asks the primary again by half-open probes; or keep the time of the failure and try again after it",
        """import openai


class Chat:
    def __init__(self, primary: openai.OpenAI, fallback: openai.OpenAI):
        self.primary, self.fallback = primary, fallback
        self.use_fallback = False

    def ask(self, messages, model):
        if not self.use_fallback:
            try:
                return self.primary.chat.completions.create(model=model, messages=messages)
            except openai.APIConnectionError:
                self.use_fallback = True
        return self.fallback.chat.completions.create(model=model, messages=messages)
""",
    ),
    Pattern(
        "HS005",
        "failover-on-anything",
        "a bare `except`, `except Exception` or `except openai.OpenAIError`/`APIError` that switches to another client",
        "A caller's own mistake (400, 401, 422), a bug in the `try` and an attribute that is missing are taken for an outage: the "
        "request is sent, and paid, a second time.",
        f"{OPENAI}: BadRequestError, AuthenticationError and all others are subclasses of APIError, OpenAIError and Exception",
        "bites",
        "suggestion",
        "`except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError)` (a timeout is an "
        "APIConnectionError), or `holysheep.HybridClient`",
        """import openai


def ask(primary: openai.OpenAI, backup: openai.OpenAI, messages, model):
    try:
        return primary.chat.completions.create(model=model, messages=messages)
    except Exception:
        return backup.chat.completions.create(model=model, messages=messages)
""",
    ),
    Pattern(
        "HS006",
        "os-not-imported",
        "`os` used where nothing imports it",
        "A NameError on the first call. Snippets that read a key from the environment often lose this line when they are copied.",
        "Python",
        "breaks",
        "automatic",
        "`import os`",
        """from openai import OpenAI

client = OpenAI(base_url=os.environ["HOLYSHEEP_BASE_URL"], api_key=os.environ["HOLYSHEEP_API_KEY"])
""",
    ),
    Pattern(
        "HS007",
        "retries-multiplied",
        "an own retry loop (or tenacity, backoff, stamina, retrying) around a client that retries by itself",
        "The client sends a request up to 3 times (`max_retries=2`) before it raises. A loop of 3 sends 9 requests, and each may be billed.",
        f"tried with {OPENAI}: 3 attempts of a loop against 429 are 9 requests, with `max_retries=0` they are 3",
        "bites",
        "where certain",
        "`max_retries=0` on the client, or drop the loop: the client waits as `retry-after` asks, which a loop does not",
        """import time

import openai

client = openai.OpenAI()


def ask(messages, model):
    for attempt in range(3):
        try:
            return client.chat.completions.create(model=model, messages=messages)
        except openai.RateLimitError:
            time.sleep(2**attempt)
    raise RuntimeError("rate limit")
""",
    ),
    Pattern(
        "HS008",
        "httpx-client",
        "`httpx.HTTPClient`, which does not exist, or an httpx client given as `http_client=`",
        "openai 3 is built on httpx2 and does not install httpx: the import fails on a fresh machine. Where httpx happens to be "
        "installed its clients are still "
        "taken, for the time being, and without openai's own defaults for connections, redirects and time-outs.",
        f"openai-python CHANGELOG 3.0.0 (2026-08-12), `httpx2.md`; tried with {OPENAI}",
        "breaks",
        "where certain",
        "`openai.DefaultHttpx2Client(…)` (asynchronous: `openai.DefaultAsyncHttpx2Client(…)`) with `openai.Timeout(…)`",
        """import httpx
from openai import OpenAI

client = OpenAI(max_retries=1, http_client=httpx.HTTPClient(timeout=httpx.Timeout(connect=10, read=60, write=10, pool=5)))
""",
    ),
    Pattern(
        "HS009",
        "httpx-for-timeouts",
        "`import httpx` in a file that takes only `Timeout` from it, in a project that does not depend on httpx",
        "httpx came with openai 1 and 2; openai 3 does not bring it: ModuleNotFoundError. `openai.Timeout` is the class that fits, whatever lies beneath.",
        "openai-python CHANGELOG 3.0.0 (2026-08-12)",
        "breaks",
        "where certain",
        "`from openai import Timeout`",
        """import httpx
from openai import OpenAI

client = OpenAI(max_retries=1, timeout=httpx.Timeout(60.0, connect=10.0))
""",
    ),
    Pattern(
        "HS010",
        "except-timeout",
        "`except Timeout` with openai's or httpx's `Timeout`, an undefined `Timeout`, or time-outs of another HTTP package around openai calls",
        "`openai.Timeout` is a configuration class: when a time-out really happens, Python raises `TypeError: catching classes that "
        "do not inherit from "
        "BaseException is not allowed`. Until then nothing shows. The client raises `openai.APITimeoutError` whatever its HTTP package raised.",
        f"tried with {OPENAI}",
        "breaks",
        "where certain",
        "`except openai.APITimeoutError`",
        """from openai import OpenAI, Timeout

client = OpenAI(timeout=Timeout(60.0, connect=10.0), max_retries=0)


def ask(messages, model):
    try:
        return client.chat.completions.create(model=model, messages=messages)
    except Timeout:
        return None
""",
    ),
    Pattern(
        "HS011",
        "await-outside-function",
        "`await`, `async for` or `async with` outside a function in a .py file",
        "`SyntaxError: 'await' outside function`: nothing of the file runs. (A notebook and `python -m asyncio` allow it.)",
        "Python",
        "breaks",
        "where certain",
        "put it into `async def main()` and call `asyncio.run(main())`",
        """from openai import AsyncOpenAI

client = AsyncOpenAI()
answer = await client.chat.completions.create(model="some-model", messages=[{"role": "user", "content": "Hello"}])
print(answer.choices[0].message.content)
""",
    ),
    Pattern(
        "HS012",
        "key-falls-back",
        "`api_key=os.environ.get(…)`, or no `api_key`, on a client that does not talk to OpenAI",
        "With `api_key=None` the openai package takes OPENAI_API_KEY: where your variable is not set, the key of your OpenAI account goes to another server.",
        f"tried with {OPENAI}",
        "bites",
        "where certain",
        '`api_key=os.environ["HOLYSHEEP_API_KEY"]`, which stops at once, or `holysheep.HolySheep()`, which never falls back',
        """import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["HOLYSHEEP_BASE_URL"], api_key=os.environ.get("HOLYSHEEP_API_KEY"))
""",
    ),
    Pattern(
        "HS013",
        "local-vllm-client",
        "a client whose address or key is that of a local vLLM, written into the code",
        "To move, to canary and to roll back, the address and the key must change without a new build. This is the two-line change.",
        "judgement",
        "note",
        "where certain",
        '`base_url=os.environ.get("HOLYSHEEP_BASE_URL", …)`, `api_key=os.environ.get("HOLYSHEEP_API_KEY", …)`: the same as now until the variables are set',
        """from openai import OpenAI

client = OpenAI(base_url="http://localhost:8000/v1", api_key="unused")
""",
    ),
    Pattern(
        "HS014",
        "hard-coded-model",
        "a model's repository name, path or informal alias in a request or as a parameter's default",
        "`deepseek-ai/DeepSeek-V3` is what one vLLM was started with; hosted servers sell other names, and answer 400 or 404. "
        "DeepSeek's own API retired "
        "`deepseek-chat` and `deepseek-reasoner` in July 2026.",
        "vLLM `--served-model-name`; DeepSeek's API news, 2026",
        "note",
        "suggestion",
        "one constant or environment variable for the name, `holysheep.types.DeepSeekV3`, or an alias in the gateway's config; check "
        "it with `holysheep.validate_model`",
        """from openai import OpenAI

client = OpenAI()


def ask(messages):
    return client.chat.completions.create(model="deepseek-ai/DeepSeek-V3", messages=messages)
""",
    ),
    Pattern(
        "HS015",
        "usage-ignored",
        "tokens guessed from lengths beside a request, or `.usage` read from a stream that was not asked for it",
        "The answer carries the counts that are billed. A guess by characters or words is wrong by tens of per cent, most of all for "
        "Korean, Chinese and code. In a "
        'stream `usage` is None unless `stream_options={"include_usage": True}` was sent.',
        "OpenAI API reference, `stream_options`",
        "bites",
        "suggestion",
        '`response.usage`; in a stream, `stream_options={"include_usage": True}` and the last chunk',
        """import openai


def bill(client: openai.OpenAI, messages, model):
    response = client.chat.completions.create(model=model, messages=messages)
    output_tokens = len(response.choices[0].message.content) // 4
    return output_tokens
""",
    ),
    Pattern(
        "HS016",
        "key-shown",
        "a key, or a part of one, that is printed, logged or put into an exception",
        "The first eight characters of a key are in every log shipper and every screenshot from then on; and what must not leak in part is soon printed whole.",
        "judgement; keys of the gateway are shown once and are stored as digests only",
        "bites",
        "suggestion",
        "say whether the key is set, not what it is; `holysheep.keys.check_key` tells a typing error without showing the key",
        """import os

from openai import OpenAI

api_key = os.environ["HOLYSHEEP_API_KEY"]
print(f"using key {api_key[:8]}...")
client = OpenAI(api_key=api_key)
""",
    ),
    Pattern(
        "HS017",
        "unbounded-concurrency",
        "`asyncio.gather` or a TaskGroup over a list of requests without a bound, a list of requests that nothing awaits, or "
        "`client.batch` of the openai package",
        "All requests start at once: hundreds of connections, 429s, and each retried on its own. A coroutine that is put into a list "
        "and not awaited sends nothing. "
        "openai's clients have `batches`, and no `batch`.",
        f"openai-python issues 769 and 1195; {OPENAI} has no attribute `batch`",
        "bites",
        "suggestion",
        "`await client.batch.chat.completions.create(tasks, concurrency=…)` of `holysheep.HolySheepClient`, or an `asyncio.Semaphore` around each request",
        """import asyncio

from openai import AsyncOpenAI

client = AsyncOpenAI()


async def ask_all(conversations, model):
    return await asyncio.gather(*[client.chat.completions.create(model=model, messages=one) for one in conversations])
""",
    ),
    Pattern(
        "HS018",
        "temperature-differs",
        "`temperature` sent for a DeepSeek model",
        "DeepSeek's own API maps it: 0.3·T for T up to 1, T − 0.7 above. A vLLM takes it as it is. 0.3 on a vLLM behaves like 1.0 "
        "there; the same number sent to both "
        "is another sampler.",
        "model card of DeepSeek-V3-0324",
        "note",
        "suggestion",
        "decide one temperature for each upstream (a route's `request` member in the gateway's config), and compare answers with `bellwether doctor`",
        """from openai import OpenAI

client = OpenAI()


def ask(messages):
    return client.chat.completions.create(model="deepseek-chat", messages=messages, temperature=0.3)
""",
    ),
    Pattern(
        "HS019",
        "timeout-multiplied",
        "`timeout=` on a client whose `max_retries` is not given",
        "The time-out is that of one attempt. With the default of two retries a call may take three times as long, and the waits "
        "between: `timeout=30` is up to 91 s.",
        f"tried with {OPENAI}",
        "note",
        "suggestion",
        "say `max_retries=` beside `timeout=`, so that their product is what you mean",
        """from openai import OpenAI

client = OpenAI(timeout=30)
""",
    ),
    Pattern(
        "HS020",
        "stream-end-unchecked",
        "a stream that is read to its end without a look at `finish_reason`",
        "A stream whose connection was cut ends like a complete one: the openai package raises nothing when `[DONE]` is missing. Half "
        "an answer is stored as a whole one.",
        f"tried with {OPENAI}; open-webui 29628, vercel/ai 19165",
        "bites",
        "suggestion",
        "keep the last `finish_reason`, and treat an end without one as an error; `holysheep` clients raise by themselves",
        """from openai import OpenAI

client = OpenAI()


def ask(messages, model):
    text = ""
    for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
        text += chunk.choices[0].delta.content or ""
    return text
""",
    ),
    Pattern(
        "HS021",
        "openai-before-1",
        "the module-level interface of openai before 1.0: `openai.ChatCompletion`, `openai.api_base`, `openai.error`",
        "Removed in 1.0. `openai.ChatCompletion` raises; `openai.api_base = …` is worse: it is an unknown attribute that nothing "
        "reads, so requests, and the key, go to "
        "api.openai.com.",
        f"openai-python v1 migration guide; {OPENAI} has `openai.base_url`",
        "breaks",
        "suggestion",
        "make a client: `OpenAI(base_url=…, api_key=…)`, `client.chat.completions.create(…)`, `openai.APIError`",
        """import openai

openai.api_base = "http://localhost:8000/v1"
openai.api_key = "EMPTY"
answer = openai.ChatCompletion.create(model="some-model", messages=[])
""",
    ),
)

BY_ID: dict[str, Pattern] = {pattern.id: pattern for pattern in PATTERNS}
