"""`bellwether bench`: counts are exact, times count from when a request was to leave, two endpoints take turns, thresholds set the exit code."""
import csv
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import threading

import pytest

from conftest import BINARY, PATIENCE, Gateway, Simulator, config_for, get, make_authority, wait_until

CLEAN = {"BELLWETHER_API_KEY": "", "HOLYSHEEP_API_KEY": ""}


def bench(*arguments, env=None):
    return subprocess.run([BINARY, "bench", *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, **CLEAN, **(env or {})})


def measured(*arguments, code=0, env=None):
    done = bench(*arguments, "--json", env=env)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    told = json.loads(done.stdout)
    assert told["schema"] == "bellwether.bench/1"
    return told


def rows(*arguments):
    done = bench(*arguments, "--csv")
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


@pytest.fixture
def sim(tmp_path):
    sim = Simulator(tmp_path, "--tokens", "12")
    yield sim
    sim.stop()


def bodies(sim):
    return [json.loads(request["body"]) for request in sim.requests()]


def test_counts_are_exact(sim):
    told = measured(sim.url, "--requests", 50, "--concurrency", 8, "--warmup", 3)
    [endpoint] = told["endpoints"]
    assert (endpoint["requests"], endpoint["ok"], endpoint["errors"], endpoint["under_way"], endpoint["tokens_basis"]) == (50, 50, {}, 0, "counted")
    assert told["warmup"] == 3 and len(sim.requests()) == 53 and told["load"] == {"kind": "closed", "concurrency": 8}
    assert endpoint["output_tokens"] == 50 * 12
    page = get(sim.url + "/metrics")[2]
    served = sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith("vllm:prompt_tokens_total"))
    assert endpoint["input_tokens"] < served  # the warm-up's are not among them
    for metric in ("ttft_ms", "tpot_ms", "total_ms", "send_delay_ms"):
        assert endpoint[metric]["count"] == 50
        assert endpoint[metric]["min"] <= endpoint[metric]["p50"]["low"] <= endpoint[metric]["p50"]["value"] <= endpoint[metric]["p50"]["high"] <= endpoint[metric]["max"]
        assert endpoint[metric]["p99"]["high"] is None  # 50 values do not reach that far
    assert endpoint["itl_ms"]["count"] == 50 * 11 and endpoint["itl_ms"]["p50"]["low"] is None
    assert told["difference"] is None and told["interrupted"] is False


def test_prompts_are_the_seeds_and_none_begins_as_another(sim):
    measured(sim.url, "--requests", 6, "--prompt-tokens", 40, "--output-tokens", 9, "--seed", 5, "--request", '{"temperature":0,"top_k":3}', "--ignore-eos")
    first = bodies(sim)
    sim.forget()
    measured(sim.url, "--requests", 6, "--prompt-tokens", 40, "--output-tokens", 9, "--seed", 5, "--request", '{"temperature":0,"top_k":3}', "--ignore-eos")
    assert bodies(sim) == first
    texts = [body["messages"][0]["content"] for body in first]
    assert len({text.split(" ")[0] for text in texts}) == 6 and all(35 <= len(text.split(" ")) <= 40 for text in texts)
    for body in first:
        assert body["max_tokens"] == 9 and body["temperature"] == 0 and body["top_k"] == 3 and body["ignore_eos"] is True
        assert body["stream"] is True and body["stream_options"] == {"include_usage": True}
    sim.forget()
    measured(sim.url, "--requests", 6, "--prompt-tokens", 40, "--seed", 6, "--no-stream")
    assert [body["messages"] for body in bodies(sim)] != [body["messages"] for body in first] and "stream" not in bodies(sim)[0]


def test_prompts_from_a_file(tmp_path, sim):
    (tmp_path / "p.jsonl").write_text('{"prompt":"하나 \\"1\\""}\n\n{"messages":[{"role":"system","content":"s"},{"role":"user","content":"2"}],"max_tokens":3}\n')
    told = measured(sim.url, "--prompts", tmp_path / "p.jsonl", "--requests", 3)
    assert [body["messages"][-1]["content"] for body in bodies(sim)] == ['하나 "1"', "2", '하나 "1"'] and bodies(sim)[1]["max_tokens"] == 3
    assert told["endpoints"][0]["output_tokens"] == 12 + 3 + 12
    for text, said in [('{"prompt":"a"}\n{"promt":"b"}', "p.jsonl:2: "), ("nonsense", "p.jsonl:1: "), ("\n", "has no prompt"), ('{"messages":[]}', "p.jsonl:1: "), ('{"prompt":"a","max_tokens":0}', "max_tokens")]:
        (tmp_path / "p.jsonl").write_text(text)
        done = bench(sim.url, "--prompts", tmp_path / "p.jsonl")
        assert (done.returncode, done.stdout) == (3, "") and said in done.stderr


def test_two_endpoints_take_turns(tmp_path):
    sims = [Simulator(tmp_path, "--tokens", "4", *more, name=name) for name, more in [("a", []), ("b", ["--ttft", "30ms"])]]
    told = measured(sims[0].url, "--against", sims[1].url, "--requests", 20, "--fail-if", "against.errors.rate>0%", "--fail-if", "difference.ttft.p50<15ms")
    asked = sorted((request["at_ms"], name, json.loads(request["body"])["messages"]) for name, sim in zip("AB", sims) for request in sim.requests())
    assert [name for _, name, _ in asked] == ["A", "B"] * 20
    assert all(asked[i][2] == asked[i + 1][2] for i in range(0, 40, 2))
    difference = told["difference"]["ttft_ms"]
    assert difference["pairs"] == 20 and difference["certain"] is True and difference["typical"]["low"] > 0  # the simulator waits for 30 ms, never less
    assert [endpoint["ok"] for endpoint in told["endpoints"]] == [20, 20]
    # At any concurrency each has the same questions, and as many.
    for sim in sims:
        sim.forget()
    measured(sims[0].url, "--against", sims[1].url, "--requests", 21, "--concurrency", 4)
    assert sorted(str(body["messages"]) for body in bodies(sims[0])) == sorted(str(body["messages"]) for body in bodies(sims[1])) and len(sims[0].requests()) == 21
    for sim in sims:
        sim.forget()
    told = measured(sims[0].url, "--against", sims[1].url, "--requests", 15, "--rate", 200, "--arrivals", "constant")
    assert told["difference"]["ttft_ms"]["pairs"] == 15 and len(sims[1].requests()) == 15
    for sim in sims:
        sim.stop()


def test_an_open_load_counts_from_when_a_request_was_to_leave(tmp_path):
    """One connection, 100 ms an answer, a request every 20 ms: each is later than the one before, and says so."""
    sim = Simulator(tmp_path, "--tokens", "1", "--ttft", "100ms")
    table = rows(sim.url, "--rate", 50, "--arrivals", "constant", "--requests", 10, "--in-flight-max", 1)
    table.sort(key=lambda row: int(row["number"]))
    assert [float(row["intended_ms"]) for row in table] == [20.0 * i for i in range(10)]
    for i, row in enumerate(table):
        total, delay = float(row["total_ms"]), float(row["send_delay_ms"])
        assert total >= (i + 1) * 100 - 20 * i and delay >= max(0, 80 * i) and total >= delay + 100 and float(row["ttft_ms"]) >= delay + 100
    # The same endpoint seems to be at rest when its callers wait for it.
    closed = rows(sim.url, "--requests", 3)
    assert all(float(row["send_delay_ms"]) < 80 for row in closed)
    sim.stop()


def test_an_open_load_has_its_schedule(sim):
    table = rows(sim.url, "--rate", 400, "--requests", 40, "--seed", 3)
    again = rows(sim.url, "--rate", 400, "--requests", 40, "--seed", 3)
    times = [sorted(float(row["intended_ms"]) for row in one) for one in (table, again)]
    assert times[0] == times[1] and len(set(times[0])) == 40
    told = measured(sim.url, "--rate", 100, "--duration", "500ms", "--arrivals", "constant", "--warmup", 2)
    assert told["endpoints"][0]["requests"] == 50 and told["load"] == {"kind": "open", "requests_per_second": 100, "arrivals": "constant", "seed": 1}
    assert measured(sim.url, "--duration", "300ms", "--concurrency", 2)["endpoints"][0]["ok"] > 2


@pytest.mark.parametrize("fault, kind", [
    ("cut:5", "cut"), ("cut-token", "cut"), ("no-finish", None), ("no-done", None), ("error-in-stream:4", "error_in_stream"), ("broken-json:4", "malformed"), ("500", "status_500"), ("503", "status_503"),
    ("429", "status_429"), ("reset", "cut"), ("stall:3", "timeout"), ("silence", "timeout"), ("200-error", "error_in_body"), ("html-502", "status_502"), ("cut-finish", "cut"),
    ("crlf", None), ("comments", None), ("split-utf8", None), ("one-byte", None), ("big-event", None), ("no-usage", None), ("negative-usage", None)])
def test_a_fault_is_a_kind_of_error(sim, fault, kind):
    told = measured(sim.url, "--model", "fault-" + fault, "--requests", 3, "--concurrency", 3, "--timeout", "700ms" if kind == "timeout" else "60s", code=1 if kind else 0)
    [endpoint] = told["endpoints"]
    assert endpoint["errors"] == ({kind: 3} if kind else {}) and endpoint["ok"] == (0 if kind else 3)
    if kind:
        assert endpoint["total_ms"] is None  # what failed is not among the times
    elif fault in ("no-usage", "negative-usage"):
        assert endpoint["tokens_basis"] == "chunks" and endpoint["output_tokens"] == 3 * 12
    else:
        assert endpoint["output_tokens"] == 3 * 12


@pytest.mark.parametrize("fault, kind", [("cut:5", "cut"), ("broken-json:4", "malformed"), ("200-error", "error_in_body")])
def test_whole_answers_have_the_same_kinds(sim, fault, kind):
    [endpoint] = measured(sim.url, "--model", "fault-" + fault, "--requests", 2, "--no-stream", code=1)["endpoints"]
    assert endpoint["errors"] == {kind: 2}


def test_a_threshold_sets_the_exit_code(sim):
    fine = bench(sim.url, "--requests", 10, "--fail-if", "errors.rate>1%", "--fail-if", "ttft.p99>30s", "--goodput", "ttft<30s,total<30s", "--fail-if", "goodput.rate<100%")
    assert fine.returncode == 0 and fine.stderr == ""
    sim.fault("500-once")
    missed = bench(sim.url, "--requests", 10, "--fail-if", "errors.count>0", "--fail-if", "ttft.p99>30s", "--json")
    told = json.loads(missed.stdout)
    assert missed.returncode == 99 and "errors.count>0 (it is 1.00)" in missed.stderr and "ttft" not in missed.stderr
    assert [(one["fail_if"], one["missed"]) for one in told["thresholds"]] == [("errors.count>0", True), ("ttft.p99>30s", False)]
    # What is not there cannot vouch for anything.
    assert bench(sim.url, "--requests", 2, "--no-stream", "--fail-if", "ttft.p99>30s").returncode == 99


@pytest.mark.parametrize("arguments, said", [
    (["--fail-if", "ttft.p9>1s"], "did you mean p9"), (["--fail-if", "tttf.p99>1s"], "did you mean ttft"), (["--fail-if", "ttft.p99>500"], "500ms"), (["--fail-if", "against.ttft.p50>1s"], "--against"),
    (["--goodput", "itl<5ms"], "itl"), (["--rate", "5", "--concurrency", "5"], "xclude"), (["--requests", "5", "--duration", "1s"], "xclude"), (["--duration", "1"], "30s"), (["--request", "[]"], "JSON object"),
    (["--request", '{"model":"x"}'], "model"), (["--rate", "0"], "--rate"), (["--json", "--csv"], "xclude"), (["--concurrency", "0"], "--concurrency")])
def test_wrong_usage_is_told_before_anything_is_sent(arguments, said):
    done = bench("http://127.0.0.1:1/v1", *arguments)
    assert (done.returncode, done.stdout) == (2, "") and said in done.stderr, done.stderr


def test_who_cannot_be_measured(tmp_path, sim):
    done = bench("http://127.0.0.1:1/v1")
    assert (done.returncode, done.stdout) == (5, "") and "http://127.0.0.1:1/v1 cannot be reached" in done.stderr
    assert bench("https://user:secret@127.0.0.1:1/v1").stderr.find("secret") < 0
    assert bench(sim.url, "--against", "http://127.0.0.1:1/v1").returncode == 5 and sim.requests() == []
    locked = Simulator(tmp_path, "--api-key", "sk-right", name="locked")
    done = bench(locked.url, env={"BELLWETHER_API_KEY": "sk-wrong-secret"})
    assert (done.returncode, done.stdout) == (4, "") and "refuses the key" in done.stderr and "secret" not in done.stderr
    # Each endpoint has its own key: the first's does not reach another host.
    stranger = bench(sim.url, "--against", locked.url, env={"BELLWETHER_API_KEY": "sk-right"})
    assert stranger.returncode == 4 and sim.requests() == [] and locked.requests() == []
    assert measured(locked.url, "--against", locked.url + "/v1", "--requests", 1, env={"BELLWETHER_API_KEY": "sk-right"})["endpoints"][1]["ok"] == 1
    locked.forget()
    told = measured(sim.url, "--against", locked.url, "--against-api-key-env", "OTHER", "--requests", 2, env={"OTHER": "sk-right", "BELLWETHER_API_KEY": "sk-mine"})
    assert [endpoint["ok"] for endpoint in told["endpoints"]] == [2, 2]
    sent = {sim.name: {request["headers"].get("authorization") for request in sim.requests()}, locked.name: {request["headers"].get("authorization") for request in locked.requests()}}
    assert sent == {"sim": {"Bearer sk-mine"}, "locked": {"Bearer sk-right"}}
    locked.stop()
    # The list is open, the chat is not: no use in asking again.
    sim.forget()
    done = bench(sim.url, "--model", "fault-401", "--requests", 1000, "--concurrency", 2)
    assert (done.returncode, done.stdout) == (4, "") and len(sim.requests()) <= 4
    several = Simulator(tmp_path, "--model", "one", "--model", "two", name="several")
    done = bench(several.url)
    assert done.returncode == 3 and "one, two" in done.stderr
    several.stop()


def test_what_was_measured_until_ctrl_c_is_told(tmp_path):
    sim = Simulator(tmp_path, "--tokens", "3", "--ttft", "20ms")
    process = subprocess.Popen([BINARY, "bench", sim.url, "--requests", "1000000", "--concurrency", "2", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **CLEAN})
    wait_until(lambda: len(sim.requests()) > 6)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    told = json.loads(out)
    assert process.returncode == 130 and told["interrupted"] is True and told["endpoints"][0]["ok"] > 2 and told["endpoints"][0]["under_way"] == 2, err
    assert b"\r" not in err and b"\x1b" not in err  # progress is for terminals
    sim.stop()


def test_progress_on_a_terminal(tmp_path):
    sim = Simulator(tmp_path, "--tokens", "2", "--ttft", "150ms")
    ours, its = pty.openpty()
    process = subprocess.Popen([BINARY, "bench", sim.url, "--requests", "8"], stdout=subprocess.PIPE, stderr=its, env={**os.environ, **CLEAN})
    os.close(its)
    out = process.stdout.read().decode()
    told = os.read(ours, 65536).decode()
    os.close(ours)
    assert process.wait(PATIENCE) == 0 and "/8 requests" in told and "8 requests in" in out and "\r" not in out
    sim.stop()


def test_over_tls_and_a_unix_socket(tmp_path):
    make_authority(tmp_path)
    secure = Simulator(tmp_path, "--tls-certificate", "good.pem", "--tls-private-key", "good.key", name="secure")
    assert measured(secure.url, "--requests", 5, env={"SSL_CERT_FILE": str(tmp_path / "ca.pem")})["endpoints"][0]["ok"] == 5
    assert bench(secure.url, "--requests", 5).returncode == 5  # nobody vouches for it
    secure.stop()
    local = Simulator.__new__(Simulator)
    super(Simulator, local).__init__(tmp_path, "sim", "--listen", f"unix:{tmp_path}/s", name="local")
    assert measured(f"unix:{tmp_path}/s", "--requests", 5)["endpoints"][0]["ok"] == 5
    local.stop()


def test_a_gateway_and_what_is_behind_it(tmp_path, sim):
    gateway = Gateway(tmp_path, config_for(tmp_path, {"v": ("vllm", sim.url)}))
    told = measured(sim.url, "--against", gateway.url, "--against-api-key-env", "KEY", "--requests", 20, "--concurrency", 2, env={"KEY": gateway.key})
    assert [(endpoint["ok"], endpoint["output_tokens"]) for endpoint in told["endpoints"]] == [(20, 240)] * 2
    assert len({endpoint["input_tokens"] for endpoint in told["endpoints"]}) == 1 and told["difference"]["total_ms"]["pairs"] == 20
    gateway.stop()


def test_a_connection_that_was_closed_while_unused_costs_no_error():
    """The server says that it keeps connections, and closes each after one answer: a request that was not heard is sent again."""
    answer = json.dumps({"object": "chat.completion", "model": "m", "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})

    def serve(listener):
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            with connection:
                asked = b""
                while b"\r\n\r\n" not in asked:
                    asked += connection.recv(65536)
                head, body = asked.split(b"\r\n\r\n", 1)
                length = re.search(rb"content-length: (\d+)", head)
                while length and len(body) < int(length[1]):
                    body += connection.recv(65536)
                text = '{"data":[{"id":"m"}]}' if head.startswith(b"GET") else answer
                connection.sendall(f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode())

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        told = measured(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", "--no-stream", "--requests", 200, "--concurrency", 4)
        listener.shutdown(socket.SHUT_RDWR)
    assert (told["endpoints"][0]["ok"], told["endpoints"][0]["errors"]) == (200, {})


def test_a_table_for_people(sim):
    done = bench(sim.url, "--requests", 5, "--goodput", "ttft<30s")
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].split() == [sim.url, "deepseek-ai/DeepSeek-V3"] and "5 requests in" in lines[1] and "5 answered" in lines[1] and "60 out" in lines[2] and "5 of 5" in lines[3]
    assert [line.split()[0] for line in lines[4:]] == ["ms", "ttft", "itl", "tpot", "total", "send_delay"]
