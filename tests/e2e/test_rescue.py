"""Streams that survive the death of their upstream: the caller sees one answer, the same as if nothing had happened."""
import openai
import pytest

from conftest import Gateway, Simulator, config_for, sims_model

TOKENS = 24
MESSAGES = [{"role": "user", "content": "양 떼와 🐑"}]
DIALECTS = ["vllm", "deepseek", "llama-server", "openai"]
CAPABLE = ["vllm", "deepseek", "llama-server"]
FAULTS = [f"cut:{n}" for n in range(TOKENS)] + ["cut-role", "cut-token", "cut-finish", "stall:5", "broken-json:5", "error-in-stream:5", "error-in-stream:0", "cut-tool"]


@pytest.fixture(scope="module")
def farm(tmp_path_factory):
    """Each dialect first, broken in each way, before each dialect that can go on."""
    folder = tmp_path_factory.mktemp("farm")
    sims = {name: Simulator(folder, "--flavor", name, "--tokens", str(TOKENS), "--seed", "3", name=name) for name in DIALECTS}
    entry = lambda name, fault=None: f'{{ upstream = "{name}", model = "{"fault-" + fault if fault else sims_model(name)}" }}'
    models = [(name, f"[{entry(name)}]") for name in DIALECTS]
    for first in DIALECTS:
        for second in CAPABLE:
            models += [(f"{first}/{second}/{fault}", f"[{entry(first, fault)}, {entry(second)}]") for fault in FAULTS]
    models += [("refuses", f'[{entry("vllm", "cut:5")}, {entry("llama-server", "refuse-prefill")}, {entry("deepseek")}]'),
               ("refuses-only", f'[{entry("deepseek", "cut:5")}, {entry("vllm", "refuse-prefill")}]'),
               ("echoes", f'[{entry("vllm", "cut:9")}, {entry("deepseek", "echo-prefill")}]'),
               ("nobody-can", f'[{entry("vllm", "cut:5")}, {entry("openai")}]'),
               ("passes-over", f'[{entry("vllm", "cut:5")}, {entry("openai")}, {entry("llama-server")}]'),
               ("twice", f'[{entry("vllm", "cut:5")}, {entry("deepseek", "cut:5")}, {entry("llama-server")}]')]
    gateway = Gateway(folder, config_for(folder, {name: (name, sim.url) for name, sim in sims.items()}, models).replace("1500ms", "300ms"))
    gateway.sims = sims
    yield gateway
    for process in (gateway, *sims.values()):
        process.stop()


def read(farm, model, **more):
    with farm.client() as client:
        return list(client.chat.completions.create(model=model, messages=MESSAGES, stream=True, stream_options={"include_usage": True}, **more))


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def check_one_stream(chunks, model, finish="stop"):
    assert {c.id for c in chunks} == {chunks[0].id} and {c.created for c in chunks} == {chunks[0].created}
    assert {c.model for c in chunks} == {model}
    assert sum(bool(c.choices and c.choices[0].delta.role) for c in chunks) == 1
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == [finish]
    usage = [c.usage for c in chunks if c.usage]
    assert len(usage) == 1 and chunks[-1].usage is usage[0]
    assert usage[0].total_tokens == usage[0].prompt_tokens + usage[0].completion_tokens
    return usage[0]


@pytest.mark.parametrize("second", CAPABLE)
@pytest.mark.parametrize("first", DIALECTS)
def test_an_answer_cut_at_every_token_is_the_same(farm, first, second):
    whole = read(farm, "openai")
    for fault in FAULTS[:TOKENS]:
        model = f"{first}/{second}/{fault}"
        chunks = read(farm, model)
        assert text_of(chunks) == text_of(whole), fault
        usage = check_one_stream(chunks, model)
        assert (usage.prompt_tokens, usage.completion_tokens) == (whole[-1].usage.prompt_tokens, TOKENS), fault
        assert chunks[-1].x_source == second


@pytest.mark.parametrize("bound", [4, 5, 6, 20])
def test_the_callers_bound_holds_over_both(farm, bound):
    whole = read(farm, "openai", max_tokens=bound)
    chunks = read(farm, "vllm/llama-server/cut:5", max_tokens=bound)
    assert text_of(chunks) == text_of(whole)
    assert check_one_stream(chunks, "vllm/llama-server/cut:5", "length").completion_tokens == bound


def test_a_tight_bound_loses_no_word_wherever_the_answer_is_cut(farm):
    """White space at the cut is said again by the one who goes on: it must not be taken off what is left twice."""
    whole = read(farm, "openai", max_tokens=TOKENS)
    for fault in FAULTS[:TOKENS]:
        assert text_of(read(farm, f"deepseek/vllm/{fault}", max_tokens=TOKENS)) == text_of(whole), fault


@pytest.mark.parametrize("fault", ["cut-role", "cut-token", "cut-finish", "stall:5", "broken-json:5", "error-in-stream:5", "error-in-stream:0"])
@pytest.mark.parametrize("first", DIALECTS)
def test_every_way_of_dying_is_survived(farm, first, fault):
    model = f"{first}/vllm/{fault}"
    chunks = read(farm, model)
    assert text_of(chunks) == text_of(read(farm, "openai"))
    check_one_stream(chunks, model)


@pytest.mark.parametrize("model", ["refuses", "passes-over", "twice", "echoes"])
def test_the_next_upstream_may_fail_too(farm, model):
    chunks = read(farm, model)
    assert text_of(chunks) == text_of(read(farm, "openai"))
    check_one_stream(chunks, model)


@pytest.mark.parametrize("model", ["refuses-only", "nobody-can", "vllm/vllm/cut-tool"])
def test_what_cannot_be_continued_ends_with_the_error_that_broke_it(farm, model):
    with pytest.raises(openai.APIError) as caught:
        read(farm, model)
    assert caught.value.code == "upstream_error"


@pytest.mark.parametrize("more", [{"n": 2}, {"logprobs": True}, {"response_format": {"type": "json_object"}}, {"extra_body": {"guided_regex": "a"}}])
def test_what_forbids_a_continuation_is_not_continued(farm, more):
    farm.sims["deepseek"].forget()
    with pytest.raises(openai.APIError):
        read(farm, "vllm/deepseek/cut:5", **more)
    assert farm.sims["deepseek"].requests() == []
    assert text_of(read(farm, "vllm/deepseek/cut-role", **more)) == text_of(read(farm, "openai"))
