"""`bellwether doctor --compare`: what differs between two endpoints is found, what it costs is bounded, a blocker sets the exit code."""
import json
import os
import signal
import subprocess

import pytest

from conftest import BINARY, PATIENCE, Simulator, run, wait_until
from test_up import NOT_HERE, PRESET, Llama

CLEAN = {"BELLWETHER_API_KEY": "", "HOLYSHEEP_API_KEY": "", "BELLWETHER_CONFIG": "", "BELLWETHER_UPSTREAM": ""}


def compare(*arguments, env=None, cwd=None):
    return subprocess.run([BINARY, "doctor", "--compare", *map(str, arguments)], capture_output=True, text=True, timeout=600, cwd=cwd, env={**os.environ, **CLEAN, **(env or {})})


def compared(*arguments, code=0, **more):
    done = compare(*arguments, "--json", **more)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    told = json.loads(done.stdout)
    assert told["schema"] == "bellwether.parity/1" and told["tokens"] <= told["tokens_max"] and told["ok"] is (code == 0 or code == 130)
    told["by_name"] = {check["name"]: check for check in told["checks"]}
    return told


@pytest.fixture(scope="module")
def sims(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    models = {"vllm": "m", "deepseek": "m", "llama-server": "m"}
    sims = {name: Simulator(folder, "--flavor", name, "--tokens", "40", "--model", model, name=name) for name, model in models.items()}
    yield sims
    for sim in sims.values():
        sim.stop()


def test_an_endpoint_is_the_same_as_itself(sims):
    sims["vllm"].forget()
    done = compare(sims["vllm"].url, sims["vllm"].url, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and "at most 20000 tokens" in done.stderr  # said before anything is spent
    differing = {check["name"] for check in told["checks"] if check["verdict"] not in ("same", "unknown", "not_run")}
    assert differing <= {"ttft", "tokens_per_second"}
    assert told["summary"]["same"] > 50 and told["blockers"] == [] and told["calls"] > 100
    assert [check["name"] for check in told["checks"] if check["verdict"] == "not_run"] == ["error_too_long"]  # as long as the context: over the budget


def test_what_differs_is_found_and_advised(sims):
    told = compared(sims["vllm"].url, sims["deepseek"].url)
    by_name = told["by_name"]
    assert (told["a"], told["b"]) == ({"endpoint": sims["vllm"].url, "model": "m"}, {"endpoint": sims["deepseek"].url, "model": "m"})
    assert by_name["stream_usage"]["verdict"] == "differs" and by_name["stream_usage"]["a"]["value"] == "an event of its own" and by_name["stream_usage"]["advice"]
    assert by_name["usage_cached"]["b"]["value"] == "prompt_cache_hit_tokens"
    assert by_name["error_model"]["a"]["value"].startswith("404 ") and by_name["error_model"]["b"]["value"].startswith("400 ")
    assert by_name["context"]["a"]["value"] == "8192" and by_name["context"]["verdict"] == "unknown"
    # By effect, not by the status: the simulator takes every parameter, and obeys some of these.
    assert by_name["max_tokens"]["a"]["state"] == by_name["stop"]["a"]["state"] == "works" and by_name["temperature"]["a"]["state"] == "ignored"
    assert (by_name["n"]["a"]["state"], by_name["n"]["b"]["state"], by_name["n"]["verdict"]) == ("works", "ignored", "ignored")
    assert by_name["tools_stream"]["a"]["state"] == "works" and by_name["tools_stream"]["verdict"] == "same"
    assert by_name["tokens_korean"]["verdict"] == "same" and "1.000" in by_name["tokens_korean"]["detail"]
    assert compared(sims["vllm"].url, sims["llama-server"].url, "--only", "error_model")["by_name"]["error_model"]["b"]["value"] == "accepted"


@pytest.mark.parametrize("fault, blockers", [("context-length", {"chat", "stream", "system", "korean", "tools_auto", "tools_stream", "tools_round_trip"}), ("cut:5", {"stream", "korean", "chat"}),
                                             ("no-usage", set()), ("broken-json:3", {"stream"}), ("one-byte", set())])
def test_a_blocker_sets_the_exit_code(sims, tmp_path, fault, blockers):
    broken = Simulator(tmp_path, "--model", "m", "--tokens", "40", "--fault", fault)
    told = compared(sims["vllm"].url, broken.url, code=99 if blockers else 0)
    assert blockers <= set(told["blockers"]) and bool(told["blockers"]) == bool(blockers)
    assert all(told["by_name"][name]["blocker"] and told["by_name"][name]["verdict"] == "refused" for name in told["blockers"])
    if fault == "no-usage":
        assert told["by_name"]["usage"]["verdict"] == "refused" and told["by_name"]["stream_usage"]["b"]["value"] == "none"
        needed = compared(sims["vllm"].url, broken.url, "--only", "usage,chat", "--need", "usage", code=99)
        assert needed["blockers"] == ["usage"]
    if blockers:
        accepted = compared(sims["vllm"].url, broken.url, "--accept", ",".join(told["blockers"]))
        assert accepted["blockers"] == [] and accepted["by_name"][told["blockers"][0]]["accepted"] is True
    # Going back the other way, it is a gain.
    assert compared(broken.url, sims["vllm"].url)["blockers"] == []
    broken.stop()


def test_what_is_spent_has_a_bound(sims):
    for sim in ("vllm", "deepseek"):
        sims[sim].forget()
    small = compared(sims["vllm"].url, sims["deepseek"].url, "--tokens-max", 300)
    not_run = [check for check in small["checks"] if check["verdict"] == "not_run"]
    assert small["tokens"] <= 300 and len(not_run) > 30 and all(check["not_run"] == "budget" and check["a"] is None for check in not_run)
    assert small["by_name"]["chat"]["verdict"] == "same"  # what matters most comes first
    assert small["calls"] == len(sims["vllm"].requests()) + len(sims["deepseek"].requests()) + 2  # the simulators keep nothing of paths that they do not have
    money = compared(sims["vllm"].url, sims["deepseek"].url, "--budget", "0.000500", "--price", "1,2", "--tokens-max", 1_000_000)
    assert 0 < float(money["spent_usd"]) <= 0.0005 and money["budget_usd"] == "0.000500000" and money["summary"]["not_run"] > 0
    assert compared(sims["vllm"].url, sims["deepseek"].url, "--price", "1", "--only", "chat")["spent_usd"] == "0.%09d" % (compared(sims["vllm"].url, sims["deepseek"].url, "--only", "chat")["tokens"] * 1000)


def test_upstreams_of_a_config(sims, tmp_path):
    (tmp_path / "b.toml").write_text(f"""
[upstream.onprem]
dialect = "vllm"
base_url = "{sims['vllm'].url}/v1"
[upstream.hosted]
dialect = "deepseek"
base_url = "{sims['deepseek'].url}/v1"
api_key = {{ env = "HOSTED_KEY" }}
[model.x]
route = [{{ upstream = "onprem", model = "m" }}, {{ upstream = "hosted", model = "fault-no-usage" }}]
""")
    sims["deepseek"].forget()
    env = {"HOSTED_KEY": "sk-hosted-secret"}
    told = compared("onprem", "hosted", "--config", tmp_path / "b.toml", "--only", "usage", env=env)
    assert (told["a"]["model"], told["b"]["model"]) == ("m", "fault-no-usage") and told["by_name"]["usage"]["verdict"] == "refused"
    assert {request["headers"]["authorization"] for request in sims["deepseek"].requests()} == {"Bearer sk-hosted-secret"}
    done = compare("onprem", "hostd", "--config", tmp_path / "b.toml", env=env)
    assert (done.returncode, done.stdout) == (3, "") and "did you mean hosted" in done.stderr
    assert compare("onprem", "hosted", "--config", tmp_path / "b.toml").returncode == 3  # the key is not set
    mixed = compared("onprem", sims["llama-server"].url, "--config", tmp_path / "b.toml", "--only", "chat", env=env)
    assert mixed["by_name"]["chat"]["verdict"] == "same"


def test_a_key_is_neither_shown_nor_needed_twice(tmp_path):
    locked = Simulator(tmp_path, "--model", "m", "--api-key", "sk-right-secret")
    told = compare(locked.url, locked.url, "--api-key-env-a", "K", "--api-key-env-b", "K", "--json", env={"K": "sk-right-secret"})
    by_name = {check["name"]: check for check in json.loads(told.stdout)["checks"]}
    assert told.returncode == 0 and by_name["error_key"]["a"]["value"].startswith("401 ") and "right-secret" not in told.stdout + told.stderr
    done = compare(locked.url, locked.url, env={"BELLWETHER_API_KEY": "sk-wrong-secret"})
    assert (done.returncode, done.stdout) == (4, "") and "secret" not in done.stderr
    open_to_all = Simulator(tmp_path, "--model", "m", name="open")
    assert compare(open_to_all.url, locked.url, env={"BELLWETHER_API_KEY": "sk-right-secret"}).returncode == 4  # a key does not reach another host
    open_to_all.stop()
    locked.stop()


@pytest.mark.parametrize("arguments, code, said", [
    (["http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1"], 5, "cannot be reached"), (["--accept", "chatt"], 2, "did you mean chat"), (["--only", "nothing-like-it"], 2, "no check"), (["--need", "contxt"], 2, "did you mean context"),
    (["--budget", "0.05"], 2, "--price"), (["--budget", "five", "--price", "1,2"], 2, "dollars"), (["--price", "a,b"], 2, "million"), (["--timeout", "5"], 2, "60s"), (["--tokens-max", "0"], 2, "tokens-max")])
def test_what_cannot_be_compared(sims, arguments, code, said):
    endpoints = [] if arguments[0].startswith("http") else [sims["vllm"].url, sims["vllm"].url]
    done = compare(*endpoints, *arguments)
    assert (done.returncode, done.stdout) == (code, "") and said in done.stderr, done.stderr


def test_an_endpoint_that_goes_away_ends_it(sims, tmp_path):
    gone = Simulator(tmp_path, "--model", "m", "--ttft", "50ms")
    process = subprocess.Popen([BINARY, "doctor", "--compare", sims["vllm"].url, gone.url, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **CLEAN})
    wait_until(lambda: len(gone.requests()) > 4)
    gone.stop()
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 5 and out == b"" and b"cannot be reached" in err


def test_ctrl_c_tells_what_was_seen(sims, tmp_path):
    slow = Simulator(tmp_path, "--model", "m", "--ttft", "100ms")
    process = subprocess.Popen([BINARY, "doctor", "--compare", sims["vllm"].url, slow.url, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **CLEAN})
    wait_until(lambda: len(slow.requests()) > 6)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    told = json.loads(out)
    assert process.returncode == 130 and told["interrupted"] is True and told["checks"][0]["verdict"] == "same" and told["checks"][-1]["not_run"] == "interrupted", err
    assert b"\r" not in err
    slow.stop()


def test_a_table_for_people(sims):
    done = compare(sims["vllm"].url, sims["deepseek"].url, "--only", "chat,stream_usage,tokens_korean")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["A", sims["vllm"].url, "m"] and lines[1].split() == ["B", sims["deepseek"].url, "m"]
    assert any(line.startswith("  chat ") and " same " in line for line in lines) and any("->" in line for line in lines) and lines[-1].startswith("nothing that was seen")


# ---- A real model against the simulator ----


@pytest.mark.skipif(PRESET != "release", reason=NOT_HERE)
def test_a_real_server_obeys_what_the_simulator_ignores(sims, tmp_path):
    llama = Llama(tmp_path, "llama")
    try:
        only = "chat,context,stream_usage,temperature,seed,max_tokens,max_completion_tokens,stop,n,logprobs,frequency_penalty,json_object,error_type,embeddings,tokens_korean,error_too_long"
        told = compared(llama.url, sims["vllm"].url, "--only", only, "--timeout", "300s")
        by_name = told["by_name"]
        for name in ("temperature", "seed", "max_tokens", "max_completion_tokens", "stop", "n", "logprobs", "frequency_penalty", "json_object", "context"):
            assert by_name[name]["a"]["state"] == "works", by_name[name]
        for name in ("temperature", "logprobs", "frequency_penalty", "json_object"):
            assert by_name[name]["verdict"] == "ignored", by_name[name]
        assert by_name["stop"]["verdict"] == by_name["n"]["verdict"] == "same" and by_name["stop"]["a"]["value"] == "the stop text is left out"
        assert by_name["error_type"]["a"]["value"].startswith("400 ") and by_name["embeddings"]["a"]["state"] == "refused"
        assert by_name["error_too_long"]["a"]["value"].startswith("400 openai exceed_context_size_error")
        assert by_name["tokens_korean"]["verdict"] == "differs"  # two tokenizers
        chat = run("chat", "--url", llama.url, "--max-tokens", 8, "--json", "Say hello.")
        assert chat.returncode == 0 and json.loads(chat.stdout)["usage"]["output_tokens"] <= 8
        bench = run("bench", llama.url, "--requests", 4, "--concurrency", 2, "--prompt-tokens", 20, "--output-tokens", 8, "--ignore-eos", "--json")
        [endpoint] = json.loads(bench.stdout)["endpoints"]
        assert (endpoint["ok"], endpoint["output_tokens"], endpoint["tokens_basis"]) == (4, 32, "counted"), bench.stdout
    finally:
        llama.stop()
