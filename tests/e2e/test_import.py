"""`bellwether import`: each sample gives the config and verdicts that stand beside it, every config passes `check`, no field goes without a verdict."""
import json
import os
import pathlib
import random
import re
import shlex
import signal
import subprocess

import pytest

from conftest import BINARY, ROOT, Gateway, Simulator, base, run

SAMPLES = ROOT / "tests/import"
LITELLM = sorted(path.name for path in (SAMPLES / "litellm").glob("*.yaml"))
VLLM = [*sorted(path.name for path in (SAMPLES / "vllm").glob("*.sh")), "vllm.service", "compose.yaml:llm", "compose.yaml:coder"]
CLEAN = {"BELLWETHER_CONFIG": "", "BELLWETHER_UPSTREAM": ""}


def arguments_of(name):
    """How a sample is imported."""
    if name in LITELLM:
        return ["litellm", name], SAMPLES / "litellm"
    file, _, service = name.partition(":")
    if file.endswith(".sh"):
        words = shlex.split((SAMPLES / "vllm" / file).read_text().replace("\\\n", " "))
        return ["vllm", "--", *words], SAMPLES / "vllm"
    return ["vllm", *(["--systemd", file] if file.endswith(".service") else ["--compose", file, "--service", service])], SAMPLES / "vllm"


def imported(*arguments, cwd=None, stdin=None):
    return subprocess.run([BINARY, "import", *map(str, arguments)], capture_output=True, text=True, cwd=cwd, input=stdin, timeout=60)


def check(toml, folder, variables):
    path = pathlib.Path(folder) / "bellwether.toml"
    path.write_text(toml)
    return run("check", "--config", path, env={**CLEAN, **{name: "x" for name in variables}})


@pytest.mark.parametrize("name", [*LITELLM, *VLLM])
def test_a_sample_gives_what_stands_beside_it(tmp_path, name):
    """BELLWETHER_GOLDEN=write writes the expected files anew; their diff is to be read."""
    arguments, folder = arguments_of(name)
    done = imported(*arguments, cwd=folder)
    stem = folder / name.replace(":", "-").rsplit(".", 1)[0] if ":" not in name else folder / name.replace(".yaml:", "-")
    expected = {".toml": done.stdout, ".verdicts": done.stderr}
    for suffix, text in expected.items():
        path = stem.with_name(stem.name + suffix)
        if os.environ.get("BELLWETHER_GOLDEN") == "write":
            path.write_text(text)
        assert text == path.read_text()
    told = json.loads(imported(*arguments[:1], "--json", *arguments[1:], cwd=folder).stdout)
    assert told["schema"] == "bellwether.import/1" and told["source"] == arguments[0] and told["toml"] == done.stdout
    left_out = told["counts"]["manual"] + told["counts"]["unsupported"]
    assert done.returncode == (6 if left_out else 0)
    assert sum(told["counts"].values()) == len(told["fields"]) and all(field["message"] for field in told["fields"])
    assert "LEAK" not in done.stdout + done.stderr + json.dumps(told)
    checked = check(told["toml"], tmp_path, told["variables"])
    assert checked.returncode == 0, checked.stderr


def test_the_documents_show_what_is_printed():
    page = (ROOT / "docs/importing.md").read_text()
    for suffix in (".yaml", ".verdicts", ".toml"):
        assert (SAMPLES / "litellm/fallbacks").with_suffix(suffix).read_text().strip() in page
    shown = re.search(r"\$ bellwether (import vllm -- .*)\n((?:.*\n)*?)\$ ", page)
    done = run(*shlex.split(shown[1]))
    assert shown[2] == done.stderr + done.stdout


def test_without_anything_to_serve_there_is_no_config(tmp_path):
    (tmp_path / "c.yaml").write_text("model_list: [{model_name: a, litellm_params: {model: bedrock/a}}]\n")
    done = imported("litellm", tmp_path / "c.yaml", "-o", tmp_path / "out.toml")
    assert (done.returncode, done.stdout) == (3, "") and "SigV4" in done.stderr and not (tmp_path / "out.toml").exists()


@pytest.mark.parametrize("text, said", [("a: [1, 2\nb: 3\n", r"c\.yaml:\d+:\d+: "), ("a: 1\nb: \xff\n", r"c\.yaml:2:1: not UTF-8"), ("[1, 2]", r"c\.yaml:1:1: "), ("a: 1\n---\nb: 1\n", r"c\.yaml:\d+:\d+: a second"),
                                        ("", r"c\.yaml:1:1: "), ("router_settings: {}\n", r"c\.yaml:1:1: there is no model_list"), ("a: &a [*a]\n", r"c\.yaml:1:\d+: "),
                                        ("\n".join([f"x{i}: &x{i} [{', '.join(['y' if i == 0 else f'*x{i - 1}'] * 12)}]" for i in range(12)]), r"c\.yaml:\d+:\d+: more than")])
def test_what_cannot_be_read_says_where(tmp_path, text, said):
    (tmp_path / "c.yaml").write_bytes(text.encode("latin-1"))
    done = imported("litellm", "c.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "") and re.match(said, done.stderr), done.stderr


def test_a_missing_file_and_standard_input(tmp_path):
    done = imported("litellm", "nowhere.yaml", cwd=tmp_path)
    assert done.returncode == 3 and "nowhere.yaml: No such file" in done.stderr
    done = imported("litellm", "-", cwd=tmp_path, stdin=(SAMPLES / "litellm/quickstart.yaml").read_text())
    assert done.returncode == 0 and "[upstream.deepseek]" in done.stdout and "standard input:3:5" in done.stderr


def test_a_file_that_is_there_stays_without_force(tmp_path):
    out = tmp_path / "bellwether.toml"
    out.write_text("mine")
    sample = SAMPLES / "litellm/quickstart.yaml"
    refused = imported("litellm", sample, "-o", out)
    assert refused.returncode == 1 and "--force" in refused.stderr and out.read_text() == "mine"
    forced = imported("litellm", sample, "-o", out, "--force")
    assert (forced.returncode, forced.stdout) == (0, "") and out.read_text() == (SAMPLES / "litellm/quickstart.toml").read_text()


@pytest.mark.parametrize("arguments, code, said", [
    (["vllm"], 2, "one of"), (["vllm", "--systemd", "a", "--", "vllm", "serve", "M"], 2, "one of"), (["vllm", "--", "nginx", "-g"], 3, "starts no vLLM"), (["vllm", "--pid", "0"], 2, "pid"),
    (["vllm", "--compose", "nowhere.yaml"], 3, "nowhere.yaml"), (["litelm"], 2, "did you mean 'litellm'"), (["litellm"], 2, "required"), ([], 2, "subcommand")])
def test_wrong_usage(arguments, code, said):
    done = imported(*arguments)
    assert (done.returncode, done.stdout) == (code, "") and said in done.stderr


def test_the_command_of_a_running_process(tmp_path):
    """A process that looks like a vLLM to /proc."""
    process = subprocess.Popen(["sh", "-c", "while :; do sleep 1; done", "vllm", "serve", "org/M", "--port", "8123", "--max-num-seqs", "4"], start_new_session=True, env={**os.environ, "VLLM_API_KEY": "sk-LEAK"})
    try:
        done = imported("vllm", "--pid", process.pid)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert done.returncode == 6 and "http://127.0.0.1:8123/v1" in done.stdout and '[model."org/M"]' in done.stdout and 'api_key = { env = "VLLM_API_KEY" }' in done.stdout and "LEAK" not in done.stdout + done.stderr


def test_an_imported_config_serves(tmp_path):
    """What LiteLLM called by two names and a fallback answers here: the first upstream is down."""
    sims = [Simulator(tmp_path, "--flavor", "vllm", "--api-key", "good", name=name) for name in ("one", "two")]
    config = {"model_list": [{"model_name": name, "litellm_params": {"model": "hosted_vllm/deepseek-ai/DeepSeek-V3", "api_base": sim.url + "/v1", "api_key": "os.environ/SIM_KEY", "num_retries": 0}}
                             for name, sim in zip(("chat", "spare"), sims)],
              "router_settings": {"fallbacks": [{"chat": ["spare"]}], "model_group_alias": {"gpt-4o": "chat"}}}
    done = imported("litellm", "-", stdin=json.dumps(config))
    assert done.returncode == 0, done.stderr
    gateway = Gateway(tmp_path, base(tmp_path) + done.stdout, env={"SIM_KEY": "good"})
    sims[0].stop()
    with gateway.client() as client:
        answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])
    assert answer.model == "chat" and answer.choices[0].message.content and answer.x_source == "127.0.0.1-2"
    gateway.stop()
    sims[1].stop()


# ---- Random configs of LiteLLM's ----

WORDS = ["chat", "Chat", "large", "모델", "a b", "x/y", "q\"q", "gpt-4o", "*", "small.v1", "dash-", "_"]
PROVIDERS = ["openai/", "hosted_vllm/", "deepseek/", "azure/", "groq/", "bedrock/", "", "nobody/", "ollama/", "anthropic/", "litellm_proxy/", "OpenAI/"]
BASES = ["http://gpu-1:8000/v1", "https://llm.example.com/v1", "http://[::1]:8000/v1", "not a url", "os.environ/BASE", "http://u:LEAK@h/v1", "http://gpu-1:8000/v1/", ""]
PARAMS = {"rpm": [1, 600, "x", None], "tpm": [1000, 0], "timeout": [1, 0.5, 6000, "600", -1, "os.environ/T"], "stream_timeout": [30, 0], "max_retries": [0, 2, 99, "many"], "weight": [1, 5, 0, 0.25, "w", 10**9],
          "order": [1, 2, "first"], "temperature": [0.5, 1, None], "stop": [["a", "b\n"], "x", []], "extra_body": [{"a": {"b": [1, 2.5, "c"]}}, {}, {"model": "x"}, 5], "input_cost_per_token": [4.2e-07, "0.1", "x", -1, 1e-20],
          "output_cost_per_token": [1e-06, 0], "cache_read_input_token_cost": [1e-08, 1e-03], "tags": [["a"]], "drop_params": [True, False], "max_parallel_requests": [4, 0], "organization": ["o"], "mode": ["chat"],
          "custom_llm_provider": ["openai", "azure", "nobody"], "unknown_key": [1, {"deep": {"er": [1, {"x": 2}]}}], "api_key": ["os.environ/K", "sk-LEAK", "EMPTY", None, "os.environ/not valid", 5], "logit_bias": [{"5": -1}]}
SETTINGS = {"routing_strategy": ["simple-shuffle", "least-busy", "cost-based-routing", "nonsense", None], "num_retries": [0, 3, 77], "timeout": [5, "x", 100000], "stream_timeout": [3], "allowed_fails": [0, 5, -1], "cooldown_time": [1, 0.2],
            "disable_cooldowns": [True, False], "default_max_parallel_requests": [8, 0], "retry_policy": [{"TimeoutErrorRetries": 1}], "redis_host": ["h"], "misspelt": [1], "enable_pre_call_checks": [True]}


def random_config(seed):
    dice = random.Random(seed)
    some = lambda table, least=0: {key: dice.choice(values) for key, values in dice.sample(sorted(table.items()), dice.randint(least, min(6, len(table))))}
    names = [dice.choice(WORDS) + dice.choice(["", "", str(dice.randint(0, 9))]) for _ in range(dice.randint(1, 8))]
    models = []
    for name in names + dice.choices(names, k=dice.randint(0, 14)):
        entry = {"model_name": name, "litellm_params": {"model": dice.choice(PROVIDERS) + dice.choice(WORDS), **({"api_base": dice.choice(BASES)} if dice.random() < 0.8 else {}), **some(PARAMS)}}
        if dice.random() < 0.4:
            entry["model_info"] = {**some({key: PARAMS[key] for key in ("input_cost_per_token", "output_cost_per_token", "mode", "unknown_key")}), "id": "x"}
        if dice.random() < 0.1:
            entry = dice.choice([{}, "words", {"model_name": name}, {"model_name": [1], "litellm_params": {}}, {"litellm_params": {"model": "openai/x", "api_key": "sk-LEAK"}}])
        models.append(entry)
    fallbacks = lambda: [{dice.choice(names): dice.choices(names, k=dice.randint(0, 3))} for _ in range(dice.randint(0, 3))]
    config = {"model_list": models}
    if dice.random() < 0.8:
        config["router_settings"] = {**some(SETTINGS), "fallbacks": fallbacks(), "context_window_fallbacks": fallbacks(), "model_group_alias": {dice.choice(WORDS) + "-alias": dice.choice(names), dice.choice(WORDS): dice.choice(names)}}
    if dice.random() < 0.8:
        config["litellm_settings"] = {"fallbacks": fallbacks(), "default_fallbacks": dice.choices(names, k=2), "request_timeout": dice.choice([1, 6000]), "callbacks": dice.choice([[], ["prometheus"], ["a"], "otel"]), "odd": {"a": {}}}
    if dice.random() < 0.5:
        config["general_settings"] = {"master_key": "sk-LEAK", "background_health_checks": dice.choice([True, False]), "health_check_interval": dice.choice([10, 0, "x"]), "unheard_of": [{"a": 1}, "b"]}
    if dice.random() < 0.2:
        config[dice.choice(["guardrails", "include", "model_lists"])] = dice.choice([[], ["a.yaml"], [{"a": {"b": 1}}], None])
    return config


def leaves(value, path=""):
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for i, item in enumerate(value):
            yield from leaves(item, f"{path}[{i}]")
    else:
        yield path


@pytest.mark.parametrize("batch", range(8))
def test_random_configs_pass_check_and_every_leaf_has_a_verdict(tmp_path, batch):
    rounds = 100 if os.environ.get("BELLWETHER_LONG") else 12
    served = 0
    for seed in range(batch * rounds, (batch + 1) * rounds):
        config = random_config(seed)
        done = imported("litellm", "--json", "-", stdin=json.dumps(config, ensure_ascii=False))  # JSON is YAML.
        assert done.returncode in (0, 3, 6), (seed, done.stderr)
        told = json.loads(done.stdout)
        assert sorted(field["field"] for field in told["fields"]) == sorted(leaves(config)), seed
        assert "LEAK" not in done.stdout + done.stderr, seed
        assert (told["toml"] is None) == (done.returncode == 3)
        if told["toml"] is None:
            continue
        served += 1
        checked = check(told["toml"], tmp_path, told["variables"])
        assert checked.returncode == 0, (seed, checked.stderr, told["toml"])
    assert served > rounds // 2
