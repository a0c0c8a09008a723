"""`bellwether drill`: the shipped example passes it, what callers would see without a gateway does not, and nothing of the user's is touched."""
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from conftest import BINARY, PATIENCE, ROOT, run

EXAMPLE = ROOT / "docs/examples/bellwether.toml"
ENVIRONMENT = {"DEEPSEEK_API_KEY": "", "BELLWETHER_UPSTREAM": "", "BELLWETHER_CONFIG": ""}
SHORT = "none,retry-after,error-once,unavailable,cut,content-filter,refused-prefill"


def drill(*arguments, config=EXAMPLE, env=None, cwd=None):
    return subprocess.run([BINARY, "drill", "--config", config, *arguments], capture_output=True, text=True, timeout=600, cwd=cwd, env={**os.environ, **ENVIRONMENT, **(env or {})})


def test_the_example_is_accepted():
    assert run("check", "--config", EXAMPLE, env={"DEEPSEEK_API_KEY": "x"}).returncode == 0


@pytest.fixture(scope="module")
def example():
    """A short drill of the example; all faults with BELLWETHER_LONG=1."""
    faults = () if os.environ.get("BELLWETHER_LONG") else ("--faults", SHORT)
    done = drill("--json", "--seconds", "1", "--concurrency", "4", *faults)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_example_passes(example):
    assert example["schema"] == "bellwether.drill/1" and example["ok"] is True and example["gateway"] is True
    rows = {(row["model"], row["fault"]): row for row in example["rows"]}
    assert {model for model, _ in rows} == {"deepseek-chat", "deepseek-reasoner"}
    for row in rows.values():
        assert row["calls"] == row["served"] + row["rescued"] + row["clean_errors"] and row["worse"] == 0 and row["kinds"] == {}
        assert row["upstream"] == "hosted" and row["home_after_ms"] is not None, row
    assert rows["deepseek-chat", "none"]["over_after_ms"] is None
    # One 429 or one 500 costs nobody anything, not even where there is no other upstream.
    for model in ("deepseek-chat", "deepseek-reasoner"):
        assert rows[model, "none"]["clean_errors"] == rows[model, "error-once"]["clean_errors"] == 0
    assert rows["deepseek-chat", "retry-after"]["clean_errors"] == 0
    for fault in ("unavailable", "cut"):
        assert rows["deepseek-chat", fault]["clean_errors"] == 0 and rows["deepseek-chat", fault]["over_after_ms"] is not None
    assert rows["deepseek-chat", "cut"]["rescued"] > 0
    assert rows["deepseek-chat", "content-filter"]["clean_errors"] > 0 and rows["deepseek-chat", "refused-prefill"]["clean_errors"] > 0
    # Nobody else serves this model: an outage is an error, and a clean one.
    assert rows["deepseek-reasoner", "unavailable"]["clean_errors"] > 0


def test_without_the_gateway_it_misses_the_threshold():
    done = drill("--without-gateway", "--json", "--seconds", "0.5", "--concurrency", "4", "--model", "deepseek-v3", "--faults", "none,cut,broken-json,unavailable")
    assert done.returncode == 99, done.stdout + done.stderr
    told = json.loads(done.stdout)
    rows = {row["fault"]: row for row in told["rows"]}
    assert told["ok"] is False and told["gateway"] is False
    assert rows["cut"]["kinds"]["broken_off"] > 0 and rows["broken-json"]["kinds"]["garbled"] > 0 and rows["cut"]["examples"]
    assert rows["none"]["worse"] == 0 and rows["unavailable"]["worse"] == 0 and rows["unavailable"]["clean_errors"] > 0


def test_a_table_for_people():
    done = drill("--seconds", "0.3", "--concurrency", "2", "--model", "deepseek-chat", "--faults", "none,reset")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["model", "fault", "calls", "served", "rescued", "errors", "worse", "over", "after", "home", "after"]
    assert [line.split()[1] for line in lines[1:3]] == ["none", "reset"] and "nothing worse than" not in lines[0]
    assert "nobody saw anything worse than a clean error" in lines[-1]
    assert "about" in done.stderr  # how long it takes, before it does


def test_nothing_of_the_users_is_touched(tmp_path):
    """The ports of the file are taken, its data folder is not to be made, its upstreams would be heard calling, its secret is nowhere."""
    with socket.socket() as callers, socket.socket() as upstream:
        callers.bind(("127.0.0.1", 0))
        callers.listen()
        upstream.bind(("127.0.0.1", 0))
        upstream.listen()
        upstream.setblocking(False)
        config = tmp_path / "my.toml"
        address = "127.0.0.1:%d" % callers.getsockname()[1]
        text = (f'listen = "{address}"\ndata = "mine"\n[admin]\nlisten = "{address}"\n[tls]\ncertificate = "no.pem"\nprivate_key = {{ file = "no.key" }}\n'
                f'[log]\naccess = "access.log"\n[upstream.a]\nbase_url = "https://127.0.0.1:{upstream.getsockname()[1]}/else/where"\napi_key = {{ file = "no.secret" }}\nretries = 1\n')
        config.write_text(text)
        temporary = tmp_path / "tmp"
        temporary.mkdir()
        done = drill("--seconds", "0.3", "--concurrency", "2", "--faults", "none,unavailable", config=config, cwd=tmp_path, env={"TMPDIR": str(temporary)})
        assert done.returncode == 0, done.stdout + done.stderr
        with pytest.raises(BlockingIOError):
            upstream.accept()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my.toml", "tmp"] and list(temporary.iterdir()) == []
    assert config.read_text() == text


@pytest.mark.parametrize("arguments, code, said", [
    (["--faults", "cutt"], 2, "did you mean \"cut\""), (["--model", "nothing"], 3, "no such model"), (["--config", "/nowhere.toml"], 3, "/nowhere.toml")])
def test_what_cannot_be_rehearsed(arguments, code, said):
    given = [] if "--config" in arguments else ["--config", EXAMPLE]
    done = run("drill", *given, *arguments, env=ENVIRONMENT)
    assert (done.returncode, done.stdout) == (code, "") and said in done.stderr


def test_a_broken_config_is_told_by_line(tmp_path):
    config = tmp_path / "b.toml"
    config.write_text('[upstream.a]\nbase_url = "http://a/v1"\nretrys = 2\n')
    done = run("drill", "--config", config, env=ENVIRONMENT)
    assert done.returncode == 3 and f"{config}:3:1" in done.stderr


def children_of(pid):
    return subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_its_gateway_ends_with_it(tmp_path, number, code):
    process = subprocess.Popen([BINARY, "drill", "--config", EXAMPLE, "--seconds", "60", "--concurrency", "1", "--faults", "none"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env={**os.environ, **ENVIRONMENT, "TMPDIR": str(tmp_path)})
    deadline = time.monotonic() + PATIENCE
    while not list(tmp_path.glob("*/ready.json")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    [gateway] = children_of(process.pid)
    process.send_signal(number)
    assert process.wait(PATIENCE) == code
    while os.path.exists(f"/proc/{gateway}"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    if number == signal.SIGINT:
        assert list(tmp_path.iterdir()) == []
