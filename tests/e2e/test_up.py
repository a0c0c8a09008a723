"""`./dev up` as a user starts it: the script that it runs after the build, with and without the real model."""
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.parse

import openai
import pytest

from conftest import BINARY, PATIENCE, ROOT, Gateway, base

PRESET = os.environ.get("BELLWETHER_PRESET", "release")
NOT_HERE = "the scripts are tried once, with the release binary"


class Up:
    def __init__(self, folder, *arguments):
        self.log = folder / "up.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["bash", ROOT / "scripts/up.sh", *arguments], stdout=log, stderr=log, cwd=folder,
                                            env={**os.environ, "BELLWETHER": str(BINARY), "UP_HOME": str(folder / "up")})

    def wait_for(self, text, patience):
        deadline = time.monotonic() + patience
        while text not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(self.log.read_text())
            time.sleep(0.05)
        return self.log.read_text()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@pytest.fixture
def up(tmp_path):
    started = []

    def start(*arguments):
        started.append(Up(tmp_path, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def told(said, what):
    return re.search(rf"^{what} +(\S+)", said, re.M)[1]


def is_open(url):
    address = urllib.parse.urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) == 0


@pytest.mark.skipif(PRESET != "release", reason=NOT_HERE)
@pytest.mark.parametrize("arguments", [(), ("--model",)], ids=["simulator", "real model"])
def test_up_answers_and_stops_what_it_started(up, arguments):
    run = up(*arguments)
    said = run.wait_for("Ctrl-C stops it.", 600)
    assert '"finish_reason":' in said and '"x_source":"local"' in said
    client = openai.OpenAI(base_url=told(said, "base URL"), api_key=told(said, "API key"), max_retries=0)
    model = client.models.list().data[0].id
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}], max_tokens=8)
    assert answer.choices[0].message.content
    assert f"export HOLYSHEEP_BASE_URL={client.base_url}".rstrip("/") in said and f"HOLYSHEEP_API_KEY={client.api_key}" in said
    for example in ("demo", "deepseek-chat"):  # What the SDKs' examples ask for.
        assert client.chat.completions.create(model=example, messages=[{"role": "user", "content": "Hi"}], max_tokens=8).choices[0].message.content
    addresses = [told(said, "base URL"), told(said, "metrics"), told(said, "upstream")]
    assert all(is_open(address) for address in addresses)
    assert run.stop() == 0
    assert not any(is_open(address) for address in addresses)


@pytest.mark.skipif(PRESET != "release", reason=NOT_HERE)
def test_up_refuses_what_it_does_not_know(up):
    run = up("--modell")
    assert run.process.wait(PATIENCE) == 2
    assert "--modell" in run.log.read_text()


# ---- A real llama-server behind the gateway, with the dialect that is meant for it ----


class Llama:
    """llama.cpp's own server with SmolLM2-135M-Instruct, fetched once."""

    def __init__(self, folder, name):
        fetched = subprocess.run(["bash", "-c", ". scripts/packages.sh; need_model; echo \"$MODEL_FILE\""], cwd=ROOT, capture_output=True, text=True, timeout=600)
        assert fetched.returncode == 0, fetched.stderr
        ready, said = folder / f"{name}.json", folder / f"{name}.log"
        with open(said, "wb") as log:
            self.process = subprocess.Popen([ROOT / ".cache/model/bin/python", ROOT / "scripts/llama_server.py", fetched.stdout.split()[-1], ready], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not ready.exists():
            assert self.process.poll() is None and time.monotonic() < deadline, said.read_text()
            time.sleep(0.05)
        self.url = json.loads(ready.read_text())["listen"][0]

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The gateway before llama.cpp's own server with SmolLM2-135M-Instruct."""
    if PRESET != "release":
        pytest.skip(NOT_HERE)
    folder = tmp_path_factory.mktemp("real")
    llama = Llama(folder, "llama")
    url = llama.url
    gateway = Gateway(folder, base(folder) + f"""
[upstream.llama]
dialect = "llama-server"
base_url = "{url}/v1"
[model.small]
aliases = ["gpt-4o-mini"]
route = [{{ upstream = "llama", model = "smollm2-135m-instruct" }}]
""")
    yield gateway
    code = gateway.stop()
    llama.stop()
    assert code == 0


ASK = [{"role": "user", "content": "Count from one to five."}]


def test_real_model_answers(real):
    answer = real.client().chat.completions.create(model="small", messages=ASK, max_tokens=24, temperature=0, seed=1)
    assert answer.model == "small"
    assert answer.choices[0].message.content.strip()
    assert answer.usage.completion_tokens > 0 and answer.usage.prompt_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.x_source == "llama" and answer.x_latency_ms > 0


def test_real_model_streams_the_same_text(real):
    client = real.client()
    whole = client.chat.completions.create(model="gpt-4o-mini", messages=ASK, max_tokens=24, temperature=0, seed=1)
    chunks = list(client.chat.completions.create(model="gpt-4o-mini", messages=ASK, max_tokens=24, temperature=0, seed=1, stream=True,
                                                 stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == whole.choices[0].message.content
    assert {chunk.model for chunk in chunks} == {whole.model} and len({chunk.id for chunk in chunks}) == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason] == [whole.choices[0].finish_reason]
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    # The SDK hangs up as soon as it has read [DONE]: all of the answer is there, so nobody left early.
    line = real.log_line(lambda line: line.get("stream"))
    assert line["status"] == 200 and "caller_gone" not in line


def test_real_model_refusals_keep_their_class(real):
    client = real.client()
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="small", messages=[{"role": "user", "content": "word " * 20_000}])
    assert refused.value.type
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="large", messages=ASK)


def test_real_model_notices_that_the_caller_left(real):
    stream = real.client().chat.completions.create(model="small", messages=ASK, max_tokens=1500, stream=True)
    next(iter(stream))
    stream.close()
    line = real.log_line(lambda line: line.get("caller_gone"))
    assert line["status"] == 499 and line["output_tokens"] < 1500 and line["usage_basis"] == "estimated"
    # The upstream's slot is free again: an answer comes at once, however many tokens the one before still wanted.
    assert real.client().chat.completions.create(model="small", messages=ASK, max_tokens=4).choices[0].message.content is not None


@pytest.mark.skipif(PRESET != "release", reason=NOT_HERE)
def test_a_real_model_killed_in_mid_stream_is_finished_by_another(tmp_path):
    first, second = Llama(tmp_path, "first"), Llama(tmp_path, "second")
    gateway = None
    try:
        gateway = Gateway(tmp_path, base(tmp_path) + "".join(f'[upstream.{name}]\ndialect = "llama-server"\nbase_url = "{llama.url}/v1"\n'
                                                             for name, llama in (("first", first), ("second", second)))
                          + '[model.small]\nroute = [{ upstream = "first", model = "smollm2-135m-instruct" }, { upstream = "second", model = "smollm2-135m-instruct" }]\n')
        ask = [{"role": "user", "content": "Write a long story about a shepherd, her sheep and the bell that leads them."}]
        chunks, before = [], None
        for chunk in gateway.client(timeout=120).chat.completions.create(model="small", messages=ask, max_tokens=300, temperature=0, seed=1, stream=True,
                                                                         stream_options={"include_usage": True}):
            chunks.append(chunk)
            if before is None and len(chunks) == 20:
                before = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
                first.process.kill()
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert before and text.startswith(before) and len(text) > len(before)
        reasons = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
        assert len(reasons) == 1 and reasons[0] in ("stop", "length")
        assert {c.id for c in chunks} == {chunks[0].id} and {c.model for c in chunks} == {"small"}
        assert sum(bool(c.choices and c.choices[0].delta.role) for c in chunks) == 1
        usage = chunks[-1].usage
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens and 19 < usage.completion_tokens <= 300
        assert chunks[-1].x_source == "second"
        line = gateway.log_line(lambda line: line.get("stream"))
        assert line["status"] == 200 and [leg["upstream"] for leg in line["legs"]] == ["first", "second"], line
        # The words go on as one text: nothing doubled, nothing lost, where one died and the other went on.
        whole = gateway.client(timeout=120).chat.completions.create(model="small", messages=ask, max_tokens=300, temperature=0, seed=1).choices[0].message.content
        print(f"\nthe same text as the whole answer for {len(os.path.commonprefix([whole, text]))} of {len(whole)} characters; killed after {len(before)}")
        assert whole.startswith(before)
    finally:
        if gateway:
            assert gateway.stop() == 0
        first.process.kill()
        first.process.wait(PATIENCE)
        second.stop()
