"""`bellwether chat`: the answer as it comes, what it says when there is none, and that nothing of a key is said."""
import json
import os
import pty
import subprocess

import openai
import pytest

from conftest import BINARY, PATIENCE, Simulator, run, sims_model

CLEAN = {"BELLWETHER_API_KEY": "", "HOLYSHEEP_API_KEY": "", "BELLWETHER_URL": ""}


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    sim = Simulator(tmp_path_factory.mktemp("chat"), "--tokens", "12")
    yield sim
    sim.stop()


def chat(sim, *arguments, env=None, **more):
    given = ["--url", sim.url] if sim else []
    return subprocess.run([BINARY, "chat", *given, *arguments], capture_output=True, timeout=PATIENCE, env={**os.environ, **CLEAN, **(env or {})}, **more)


def answer_of(sim, question, model=sims_model("vllm"), system=None):
    messages = ([{"role": "system", "content": system}] if system else []) + [{"role": "user", "content": question}]
    with openai.OpenAI(base_url=sim.url + "/v1", api_key="x") as client:
        return client.chat.completions.create(model=model, messages=messages).choices[0].message.content


def test_the_answer_is_what_the_sdk_gets(sim):
    for question in ("서울의 날씨는?", "a \"quoted\"\n\tquestion 🐑"):
        done = chat(sim, question)
        assert done.returncode == 0 and done.stderr == b"", done.stderr
        assert done.stdout.decode() == answer_of(sim, question) + "\n"


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_the_prompt_can_be_piped_in(sim, arguments):
    done = chat(sim, "--system", "Be brief", *arguments, input="piped in\n".encode())
    assert done.stdout.decode() == answer_of(sim, "piped in\n", system="Be brief") + "\n"


def test_without_a_prompt_nothing_is_sent(sim):
    sim.forget()
    done = chat(sim, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and b"no prompt" in done.stderr and sim.requests() == []


def test_as_json(tmp_path):
    sim = Simulator(tmp_path, "--flavor", "deepseek", "--model", "deepseek-flash", "--tokens", "9", "--reasoning")
    told = json.loads(chat(sim, "--json", "hello").stdout)
    assert told["schema"] == "bellwether.chat/1" and told["model"] == "deepseek-flash" and told["finish_reason"] == "stop"
    assert told["text"] == answer_of(sim, "hello", "deepseek-flash") and told["reasoning"]
    assert told["usage"]["output_tokens"] == 12 and told["usage"]["cached_input_tokens"] == told["usage"]["input_tokens"] // 2
    assert 0 < told["ttft_ms"] <= told["total_ms"] and told["source"] is None
    sim.stop()


def test_one_of_several_models_has_to_be_named(tmp_path):
    sim = Simulator(tmp_path, "--model", "one", "--model", "two")
    done = chat(sim, "hello")
    assert (done.returncode, done.stdout) == (3, b"") and b"--model" in done.stderr and b"one, two" in done.stderr
    assert chat(sim, "--model", "two", "hello").returncode == 0
    assert sim.requests()[0]["body"].find('"model":"two"') > 0
    sim.stop()


def test_the_key_is_found_where_it_is_said_to_be(tmp_path):
    sim = Simulator(tmp_path, "--api-key", "sk-the-right-one")
    (tmp_path / "key").write_text("sk-the-right-one\n")
    assert chat(sim, "hello", env={"BELLWETHER_API_KEY": "sk-the-right-one", "HOLYSHEEP_API_KEY": "x"}).returncode == 0
    assert chat(sim, "hello", env={"HOLYSHEEP_API_KEY": "sk-the-right-one"}).returncode == 0
    assert chat(sim, "--api-key-env", "MINE", "hello", env={"MINE": "sk-the-right-one", "BELLWETHER_API_KEY": "x"}).returncode == 0
    assert chat(sim, "--api-key-file", str(tmp_path / "key"), "hello").returncode == 0
    for given, env in [([], {}), ([], {"BELLWETHER_API_KEY": "sk-wrong-secret"}), (["--model", "m"], {"BELLWETHER_API_KEY": "sk-wrong-secret"})]:
        done = chat(sim, *given, "hello", env=env)
        assert (done.returncode, done.stdout) == (4, b"") and b"refuses the key" in done.stderr and b"secret" not in done.stderr
    for given, said in [(["--api-key-env", "NOT_SET"], b"NOT_SET is not set"), (["--api-key-file", "/nowhere"], b"/nowhere")]:
        done = chat(sim, *given, "hello")
        assert (done.returncode, done.stdout) == (3, b"") and said in done.stderr
    done = chat(sim, "hello", env={"BELLWETHER_API_KEY": "a secret\r\nx: y"})
    assert done.returncode == 3 and b"secret" not in done.stderr
    sim.stop()


@pytest.mark.parametrize("fault, code, said", [
    ("cut:5", 1, "broke off"), ("no-finish", 0, ""), ("no-done", 0, ""), ("error-in-stream:4", 1, "error"), ("broken-json:4", 1, "not what the API says"), ("500", 1, "500"), ("503", 5, "503"),
    ("401", 4, "key"), ("429", 1, "429"), ("context-length", 1, "context"), ("html-502", 1, "502"), ("200-error", 1, "error"), ("crlf", 0, ""), ("comments", 0, ""), ("split-utf8", 0, ""), ("one-byte", 0, "")])
def test_a_fault_is_told(sim, fault, code, said):
    done = chat(sim, "--model", "fault-" + fault, "hello")
    assert done.returncode == code and said in done.stderr.decode(), (done.returncode, done.stderr)
    if code == 0:
        assert done.stdout.decode() == answer_of(sim, "hello") + "\n"
    elif fault in ("cut:5", "error-in-stream:4"):
        assert answer_of(sim, "hello").startswith(done.stdout.decode().removesuffix("\n")) and done.stdout.strip()


def test_nobody_there():
    done = chat(None, "--url", "http://127.0.0.1:1/v1", "hello")
    assert (done.returncode, done.stdout) == (5, b"") and b"127.0.0.1:1/v1 cannot be reached" in done.stderr
    assert chat(None, "--url", "nonsense", "hello").returncode == 3
    assert run("chat", "--api-key-env", "A", "--api-key-file", "b", "hello").returncode == 2


def on_a_terminal(*arguments, env=None):
    """What the program writes to a terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen([BINARY, "chat", *arguments], stdout=its, stderr=its, stdin=subprocess.DEVNULL, env={**os.environ, **CLEAN, **(env or {})})
    os.close(its)
    told = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        told += piece
    os.close(ours)
    assert process.wait(PATIENCE) == 0, told
    return told.decode()


def test_thoughts_are_dim_and_on_a_terminal_only(tmp_path):
    sim = Simulator(tmp_path, "--reasoning", "--tokens", "4")
    thought = json.loads(chat(sim, "--json", "hello").stdout)["reasoning"]
    assert chat(sim, "hello").stdout.decode() == answer_of(sim, "hello") + "\n"
    seen = on_a_terminal("--url", sim.url, "hello", env={"NO_COLOR": ""})
    assert "\x1b[2m" + thought.replace("\n", "\r\n") in seen and "\x1b[0m" in seen
    plain = on_a_terminal("--url", sim.url, "hello", env={"NO_COLOR": "1"})
    assert "\x1b" not in plain and thought.replace("\n", "\r\n") in plain
    sim.stop()
