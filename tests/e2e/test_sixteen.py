"""The sixteen faults of issue 3 with the settings that a user gets: two retries, a fallback, an SDK that waits for 30 s and does not try again itself.

Fifteen stand in sixteen.json, which sixteen.test.mjs reads too; the flap is below. The full answer comes where that is possible at all, else an
honest error within a bound; nothing hangs, and nothing cut passes for complete. The upstreams' patience is 2 s here (30 s in issue 3), so that
silence is over soon; with BELLWETHER_LONG=1 the faults that are about time run once more at their full length."""
import json
import os
import pathlib
import time

import openai
import pytest

from conftest import RAISES, Gateway, Simulator, base

LONG = bool(os.environ.get("BELLWETHER_LONG"))
TABLE = json.loads((pathlib.Path(__file__).parent / "sixteen.json").read_text())
MESSAGES = [{"role": "user", "content": "양 떼를 세어 줘 🐑"}]
TOKENS = 60
FLAP, CALL_EVERY, HOME_WITHIN = (60, 4, 30) if LONG else (8, 0.5, 30)
# From the hosted API to our own, and between our own: the flavours differ in how they fail and in how they go on.
PAIRS = [("deepseek", "vllm"), ("vllm", "llama-server"), ("openai", "deepseek")]


@pytest.fixture(scope="module", params=PAIRS, ids=lambda pair: f"{pair[0]} to {pair[1]}")
def pair(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sixteen")
    sims = {name: Simulator(folder, "--flavor", flavor, "--model", "m", "--tokens", str(TOKENS), "--delay", "1ms", name=name)
            for name, flavor in zip(("home", "back"), request.param)}
    text = base(folder)

    def upstream(name, sim, timeout):
        return f'[upstream."{name}"]\ndialect = "{request.param[sim == "back"]}"\nbase_url = "{sims[sim].url}/v1"\n{timeout}\n'

    quick = 'timeout = { first_token = "2s", idle = "2s" }'
    # Upstreams of its own for each case: what one did to an upstream's standing and retry budget is not the next one's.
    for number, case in enumerate(TABLE + [{"fault": f"flap:{FLAP}s"}] + ([{"fault": "silence"}, {"fault": "slow-first:20s"}, {"fault": "stall:20"}] if LONG else [])):
        timeout = quick if number <= len(TABLE) else 'timeout = { idle = "30s" }'
        text += upstream(f"home-{number}", "home", timeout) + upstream(f"back-{number}", "back", timeout)
        for mode in ("plain", "stream"):
            first = f'fault-{case["fault"]}#{number}-{mode}' if "fault" in case else "m"
            second = f'fault-{case["back_fault"]}' if "back_fault" in case else "m"
            text += f'[model."{number}-{mode}"]\nroute = [{{ upstream = "home-{number}", model = "{first}" }}, {{ upstream = "back-{number}", model = "{second}" }}]\n'
    for name in sims:
        text += upstream(name, name, quick) + f'[model.{name}]\nroute = [{{ upstream = "{name}", model = "m" }}]\n'
    gateway = Gateway(folder, text)
    gateway.sims = sims
    with gateway.client() as client:
        gateway.whole = client.chat.completions.create(model="back", messages=MESSAGES).choices[0].message.content
    yield gateway
    for process in (gateway, *sims.values()):
        process.stop()


class Seen:
    """What one caller got."""

    def __init__(self, gateway, model, stream):
        self.chunks, self.error, self.text, self.finish, self.source, self.usage = [], None, "", None, None, None
        began = time.monotonic()
        with gateway.client(timeout=30) as client:
            try:
                if stream:
                    for chunk in client.chat.completions.create(model=model, messages=MESSAGES, stream=True, stream_options={"include_usage": True}):
                        self.chunks.append(chunk)
                else:
                    answer = client.chat.completions.create(model=model, messages=MESSAGES)
                    self.text, self.finish, self.source, self.usage = answer.choices[0].message.content, answer.choices[0].finish_reason, answer.x_source, answer.usage
            except openai.APIError as error:
                self.error = error
        self.seconds = time.monotonic() - began
        if stream:
            self.text = "".join(c.choices[0].delta.content or "" for c in self.chunks if c.choices)
            reasons = [c.choices[0].finish_reason for c in self.chunks if c.choices and c.choices[0].finish_reason]
            assert len(reasons) <= 1 and len({c.id for c in self.chunks}) <= 1 and {c.model for c in self.chunks} <= {model}
            self.finish = reasons[0] if reasons else None
            if self.finish:
                self.source, self.usage = self.chunks[-1].x_source, self.chunks[-1].usage

    def check_whole(self, gateway, source):
        """All of the answer, byte for byte, and what it took and who gave it."""
        assert self.error is None, self.error
        assert self.text == gateway.whole and self.finish == "stop"
        assert self.source.split("-")[0] == source
        assert self.usage.completion_tokens == TOKENS and self.usage.total_tokens == self.usage.prompt_tokens + TOKENS


def asked(sim, model):
    """When the simulator was asked for this model, in seconds."""
    return [request["at_ms"] / 1000 for request in sim.requests() if request["body"] and json.loads(request["body"])["model"] == model]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("number", range(len(TABLE)), ids=[case["name"] for case in TABLE])
def test_fault(pair, number, stream):
    case, mode = TABLE[number], "stream" if stream else "plain"
    for sim in pair.sims.values():
        sim.forget()
    seen = Seen(pair, f"{number}-{mode}", stream)
    tries = asked(pair.sims["home"], f'fault-{case["fault"]}#{number}-{mode}' if "fault" in case else "m")
    elsewhere = pair.sims["back"].requests()

    assert case["tries"][0] <= len(tries) <= case["tries"][1]
    assert seen.seconds < 30
    if "refused" in case:
        status, code = case["refused"]
        assert type(seen.error) is RAISES[status] and code in ("*", seen.error.code)
        assert seen.chunks == [] and elsewhere == []
    elif stream and case.get("stream") == "in band":
        assert seen.error.code == "upstream_error" and seen.finish is None
        assert pair.whole.startswith(seen.text) and 0 < len(seen.text) < len(pair.whole)
    else:
        seen.check_whole(pair, case["from"])
        assert bool(elsewhere) == (case["from"] == "back")
    if "first_gap_ms" in case:
        assert (tries[1] - tries[0]) * 1000 >= case["first_gap_ms"]
    if "tries_in_3_s" in case:
        assert sum(at - tries[0] <= 3 for at in tries) <= case["tries_in_3_s"]
    if "within_s" in case:
        assert seen.seconds <= case["within_s"]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_flap(pair, stream):
    """Down for a while, with a call every now and then: each is served, and the calls go home soon after."""
    model = f'{len(TABLE)}-{"stream" if stream else "plain"}'
    began, sources = time.monotonic(), []
    while (now := time.monotonic() - began) < FLAP + HOME_WITHIN and (now < FLAP or sources[-1] != "home"):
        seen = Seen(pair, model, stream)
        seen.check_whole(pair, seen.source.split("-")[0])
        sources.append(seen.source.split("-")[0])
        time.sleep(CALL_EVERY)
    assert "back" in sources and sources[-1] == "home"
    assert sources == sorted(sources), "home once it was well, and not before"


@pytest.mark.skipif(not LONG, reason="takes minutes; BELLWETHER_LONG=1")
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("number, name", list(enumerate(["silence", "slow", "stall"], len(TABLE) + 1)), ids=["silence", "slow", "stall"])
def test_at_full_length(pair, number, name, stream):
    """An upstream's own patience (60 s for the first token, 30 s between two) is no shorter than the caller's (30 s). Of a stream half of the caller's
    is spent before the fallback is asked. A whole reply of a silent upstream cannot be told from one that is being written: it is waited for, and the
    error comes in time."""
    seen = Seen(pair, f'{number}-{"stream" if stream else "plain"}', stream)
    if stream:
        seen.check_whole(pair, "back")
        assert seen.seconds <= 35
    elif name == "slow":
        seen.check_whole(pair, "home")
    else:
        assert isinstance(seen.error, (openai.APITimeoutError, openai.InternalServerError)) and seen.seconds <= 35
