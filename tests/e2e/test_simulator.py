"""The simulator as an upstream by itself: whose manners it has, and that it is the same every time."""
import http.client
import json
import re
import signal
import time

import openai
import pytest

from conftest import PATIENCE, Simulator, get, wait_until

MESSAGES = [{"role": "user", "content": "Tell me."}]
DIALECTS = ["vllm", "deepseek", "llama-server", "openai"]


def ask(url, stream=False, **more):
    with openai.OpenAI(api_key="any", base_url=url + "/v1", max_retries=0) as client:
        answer = client.chat.completions.create(model="m", messages=MESSAGES, stream=stream, **more)
        return list(answer) if stream else answer


@pytest.fixture
def sims(tmp_path):
    made = []

    def make(*arguments):
        made.append(Simulator(tmp_path, "--model", "m", *arguments, name=f"sim{len(made)}"))
        return made[-1]

    yield make
    for sim in made:
        sim.stop()


def test_the_same_seed_gives_the_same_words(sims):
    texts = [ask(sims("--seed", seed, "--tokens", "30").url).choices[0].message.content for seed in ("1", "1", "2")]
    assert texts[0] == texts[1] != texts[2]


def test_the_number_of_tokens_and_the_reasoning(sims):
    sim = sims("--tokens", "7", "--reasoning", "--flavor", "deepseek")
    assert ask(sim.url).choices[0].message.reasoning_content
    sim = sims("--tokens", "7")
    assert ask(sim.url).usage.completion_tokens == 7
    assert len([chunk for chunk in ask(sim.url, stream=True) if chunk.choices and chunk.choices[0].delta.content]) == 7
    assert ask(sim.url, max_tokens=3).choices[0].finish_reason == "length"


@pytest.mark.parametrize("flavor", DIALECTS)
def test_stop_and_n_are_kept(sims, flavor):
    sim = sims("--tokens", "12", "--flavor", flavor)
    whole = ask(sim.url).choices[0].message.content
    stop = whole[len(whole) // 2:][:3]
    answer = ask(sim.url, stop=[stop, "never said"]).choices[0]
    assert answer.message.content == whole[:whole.index(stop)] and answer.finish_reason == "stop"
    assert getattr(answer, "stop_reason", None) == (stop if flavor == "vllm" else None)
    chunks = ask(sim.url, stream=True, stop=stop, stream_options={"include_usage": True})
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == whole[:whole.index(stop)]
    assert chunks[-1].usage.completion_tokens == ask(sim.url, stop=stop).usage.completion_tokens

    several = ask(sim.url, n=3)
    number = 1 if flavor == "deepseek" else 3
    texts = [choice.message.content for choice in several.choices]
    assert texts[0] == whole and len(set(texts)) == number and several.usage.completion_tokens == 12 * number
    streamed, ends = {}, {}
    for chunk in ask(sim.url, stream=True, n=3):
        for choice in chunk.choices:
            streamed[choice.index] = streamed.get(choice.index, "") + (choice.delta.content or "")
            if choice.finish_reason:
                ends[choice.index] = choice.finish_reason
    assert [streamed[index] for index in range(number)] == texts and ends == {index: "stop" for index in range(number)}


@pytest.mark.parametrize("flavor, prefix", [("vllm", "vllm:"), ("llama-server", "llamacpp:"), ("deepseek", None), ("openai", None)])
def test_a_metrics_page_where_there_is_one(sims, flavor, prefix):
    sim = sims("--flavor", flavor)
    ask(sim.url)
    status, _, page = get(sim.url + "/metrics")
    if prefix is None:
        assert status == 404
        return
    assert status == 200
    counted = {line.rsplit(" ", 1)[0].split("{")[0]: float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(prefix)}
    assert sum(value for name, value in counted.items() if re.search(r"generation_tokens_total|tokens_predicted_total", name)) == 16


@pytest.mark.parametrize("flavor", DIALECTS)
def test_model_list_and_errors_are_the_flavours_own(sims, flavor):
    sim = sims("--flavor", flavor)
    listed = json.loads(get(sim.url + "/v1/models")[2])["data"][0]
    assert listed["id"] == "m" and listed["owned_by"] == {"vllm": "vllm", "deepseek": "deepseek", "llama-server": "llamacpp", "openai": "openai"}[flavor]
    sim.fault("context-length")
    status, _, body = get(sim.url + "/v1/chat/completions", "POST", json.dumps({"model": "m", "messages": MESSAGES}))
    error = json.loads(body)["error"]
    assert status == 400 and error["code"] == {"vllm": 400, "deepseek": "invalid_request_error", "llama-server": 400, "openai": "context_length_exceeded"}[flavor]


def test_access_lines_as_a_vllm_writes_them(sims):
    sim = sims("--access-log")
    ask(sim.url)
    get(sim.url + "/v1/chat/completions", "POST", json.dumps({"model": "other", "messages": MESSAGES}))
    get(sim.url + "/v1/responses?a=b", "POST", "{}")
    get(sim.url + "/v1/models")
    get(sim.url + "/v1/chat/completions", "POST", json.dumps({"model": "fault-html-502", "messages": MESSAGES}))
    sim.signal(signal.SIGTERM)
    sim.wait()
    lines = [line for line in (sim.folder / f"{sim.name}.out").read_text().splitlines() if "HTTP/1.1" in line]
    assert len(lines) == 5
    assert re.search(r'INFO: +127\.0\.0\.1:\d+ - "POST /v1/chat/completions HTTP/1\.1" 200 OK$', lines[0])
    assert re.search(r'INFO: +127\.0\.0\.1:\d+ - "POST /v1/chat/completions HTTP/1\.1" 404 Not Found$', lines[1])
    assert lines[2].endswith('"POST /v1/responses?a=b HTTP/1.1" 404 Not Found')
    assert lines[3].endswith('"GET /v1/models HTTP/1.1" 200 OK')
    assert lines[4].endswith('"POST /v1/chat/completions HTTP/1.1" 502 Bad Gateway')


def test_the_engines_line_as_a_vllm_writes_it(sims):
    """Throughput by the time that really went by: the lines add up to the tokens, whichever stretches they fall into."""
    sim = sims("--access-log", "--stats-interval", "300ms", "--delay", "50ms", "--tokens", "20")
    started = time.monotonic()
    chunks = ask(sim.url, stream=True, stream_options={"include_usage": True})
    usage = chunks[-1].usage
    ask(sim.url)
    form = (r"INFO \d\d-\d\d \d\d:\d\d:\d\d \[loggers\.py:\d+\] Engine 000: Avg prompt throughput: ([\d.]+) tokens/s, Avg generation throughput: ([\d.]+) tokens/s, "
            r"Running: (\d+) reqs, Waiting: 0 reqs, GPU KV cache usage: ([\d.]+)%, Prefix cache hit rate: 0\.0%")

    def lines():
        found = [line for line in (sim.folder / f"{sim.name}.out").read_text().splitlines() if "Engine" in line]
        return [re.fullmatch(form, line) for line in found]

    wait_until(lambda: lines() and float(lines()[-1][2]) == 0)
    told = [[float(number) for number in line.groups()] for line in lines()]
    assert time.monotonic() - started > 2 and len(told) >= 6
    assert sum(line[0] for line in told) * 0.3 == pytest.approx(2 * usage.prompt_tokens, rel=0.2)
    assert sum(line[1] for line in told) * 0.3 == pytest.approx(2 * 20, rel=0.2)
    assert any(line[2:] == [1, 1.0] for line in told) and told[-1] == [0, 0, 0, 0]
    time.sleep(0.7)
    assert len(lines()) == len(told)  # idle: silence
    other = sims("--access-log", "--stats-interval", "100ms", "--flavor", "deepseek")
    ask(other.url)
    time.sleep(0.4)
    assert "Engine" not in (other.folder / f"{other.name}.out").read_text()


def test_cut_role_leaves_nothing_of_a_streamed_legacy_completion(sims):
    """It has no chunk with a role: the head arrives, and no word."""
    sim = sims("--fault", "cut-role")
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=PATIENCE)
    connection.request("POST", "/v1/completions", json.dumps({"model": "m", "prompt": "x", "stream": True}))
    answer = connection.getresponse()
    assert answer.status == 200
    with pytest.raises((http.client.IncompleteRead, ConnectionError)) as caught:
        answer.read()
    assert getattr(caught.value, "partial", b"") == b""
    connection.close()


def test_a_fault_from_the_start_and_by_hand(sims):
    sim = sims("--fault", "503")
    with pytest.raises(openai.InternalServerError):
        ask(sim.url)
    sim.fault(None)
    assert ask(sim.url).choices
    refusing = sims("--fault", "refuse")
    with pytest.raises(openai.APIConnectionError):
        ask(refusing.url)


def test_what_it_records(sims):
    sim = sims()
    ask(sim.url, extra_headers={"x-mark": "7"})
    seen = sim.requests()[-1]
    assert seen["headers"]["x-mark"] == "7" and json.loads(seen["body"])["messages"] == MESSAGES
    sim.forget()
    assert sim.requests() == []
    silent = sims("--no-record")
    ask(silent.url)
    assert silent.requests() == []


def test_a_key_of_its_own(sims):
    sim = sims("--api-key", "right")
    with pytest.raises(openai.AuthenticationError):
        ask(sim.url)
