"""The simulator goes on with an answer that was cut anywhere, as the real upstreams do: what a rescued stream is tested against."""
import json

import pytest

from conftest import Simulator, get, sims_model

TOKENS = 24
FLAVORS = ["vllm", "deepseek", "llama-server"]
MESSAGES = [{"role": "system", "content": "tell \"a\" [story]"}, {"role": "user", "content": "양 떼와 🐑"}]


@pytest.fixture(scope="module")
def sims(tmp_path_factory):
    folder = tmp_path_factory.mktemp("continuation")
    sims = {flavor: Simulator(folder, "--flavor", flavor, "--tokens", str(TOKENS), "--seed", "7", name=flavor) for flavor in [*FLAVORS, "openai"]}
    yield sims
    for sim in sims.values():
        sim.stop()


def ask(sim, flavor, text=None, **more):
    """An answer's pieces, finish_reason and usage; with a text, the answer's from there on. On a refusal its status and body."""
    body = {"model": sims_model(flavor), "messages": list(MESSAGES), "stream": True, "stream_options": {"include_usage": True}, **more}
    path = "/v1/chat/completions"
    if text is not None:
        message = {"role": "assistant", "content": text}
        if flavor == "vllm":
            body = {"add_generation_prompt": False, "continue_final_message": True, **body}
        if flavor == "deepseek":
            message["prefix"] = True
            path = "/beta/chat/completions"
        body["messages"].append(message)
    status, _, said = get(sim.url + path, "POST", json.dumps(body, ensure_ascii=False), {"content-type": "application/json"})
    if status != 200:
        return status, json.loads(said)
    pieces, finish, usage = [], None, None
    for line in said.splitlines():
        if not line.startswith("data: {"):
            continue
        chunk = json.loads(line[6:])
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            if choice["delta"].get("content"):
                pieces.append(choice["delta"]["content"])
            finish = choice["finish_reason"] or finish
    return pieces, finish, usage


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("bound", [None, TOKENS, TOKENS - 5])
def test_an_answer_cut_at_every_token_is_the_same(sims, flavor, bound):
    bounds = {} if bound is None else {"max_tokens": bound}
    whole, finish, usage = ask(sims["openai"], "openai", **bounds)
    assert len(whole) == usage["completion_tokens"] == (bound or TOKENS)
    for cut in range(1, len(whole) + 1):
        said = "".join(whole[:cut]).rstrip()
        if not said:
            continue
        left = {} if bound is None else {"max_tokens": max(1, bound - len(whole[:cut]))}
        rest, rest_finish, rest_usage = ask(sims[flavor], flavor, said, **left)
        if bound is None:
            assert said + "".join(rest) == "".join(whole), cut
            assert rest_finish == finish
            assert rest_usage["completion_tokens"] == len(rest)
            # The text that was given is counted as prompt.
            assert rest_usage["prompt_tokens"] + rest_usage["completion_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        else:
            assert "".join(whole).startswith(said + "".join(rest)[: len("".join(whole)) - len(said)])
            assert len(rest) <= left["max_tokens"]


@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_text_of_another_hand_is_followed_by_an_answer(sims, flavor):
    assert ask(sims[flavor], flavor, "Once upon a time")[1] == "stop"


@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_continuation_is_refused_on_demand_and_nothing_else_is(sims, flavor):
    sims[flavor].fault("refuse-prefill")
    try:
        status, body = ask(sims[flavor], flavor, "Once")
        assert status == 400 and body["error"]["message"]
        assert ask(sims[flavor], flavor)[1] == "stop"
    finally:
        sims[flavor].fault(None)


def test_an_echo_comes_on_demand(sims):
    whole = ask(sims["deepseek"], "deepseek")[0]
    sims["deepseek"].fault("echo-prefill")
    try:
        assert ask(sims["deepseek"], "deepseek", "".join(whole[:6]).rstrip())[0] == whole
    finally:
        sims["deepseek"].fault(None)


def test_each_flavour_refuses_as_the_real_one_does(sims):
    status, body = ask(sims["vllm"], "vllm", "a", add_generation_prompt=True)
    assert status == 400 and body["error"]["message"].startswith("Cannot set both")
    status, body = ask(sims["vllm"], "vllm", " \n")
    assert status == 400 and body["error"]["message"].startswith("continue_final_message is set but")
    status, body = ask(sims["llama-server"], "llama-server", "a", messages=[*MESSAGES, {"role": "assistant", "content": "b"}])
    assert status == 400 and body["error"]["message"].startswith("Cannot have 2 or more")


def test_loading_and_flapping_show_in_the_health(sims):
    sim = sims["llama-server"]
    sim.fault("503-loading")
    try:
        assert get(sim.url + "/health")[0] == 503
        status, body = ask(sim, "llama-server")
        assert (status, body["error"]["message"]) == (503, "Loading model")
        sim.fault("flap:200ms")
        assert get(sim.url + "/health")[0] == 503
        assert ask(sim, "llama-server")[0] == 503
        while get(sim.url + "/health")[0] == 503:
            pass
        assert ask(sim, "llama-server")[1] == "stop"
    finally:
        sim.fault(None)


def test_429_once_says_how_long_to_wait_and_then_serves(sims):
    sims["vllm"].fault("429-once:2")
    try:
        body = json.dumps({"model": sims_model("vllm"), "messages": MESSAGES})
        status, headers, _ = get(sims["vllm"].url + "/v1/chat/completions", "POST", body)
        assert (status, headers["retry-after"]) == (429, "2")
        assert get(sims["vllm"].url + "/v1/chat/completions", "POST", body)[0] == 200
    finally:
        sims["vllm"].fault(None)
