"""`bellwether audit` of everything that is no vLLM log: pages of metrics, Prometheus servers, recorded answers, spend logs, access logs.
What the simulator served is known to the token, and so must the audit know it."""
import csv
import gzip
import http.server
import io
import json
import re
import signal
import ssl
import subprocess
import threading
import urllib.parse
import urllib.request

import pytest

from conftest import BINARY, ONE_TRY, Gateway, Simulator, base, get, make_authority, run, wait_until

MODEL = "deepseek-ai/DeepSeek-V3"


def audit(*sources, code=0, tz="UTC"):
    done = run("audit", *sources, "--json", "--tz", tz)
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout) if done.stdout else done.stderr


def exact(figure):
    """The value of a figure that was counted and has no error bar."""
    assert figure["low"] == figure["value"] == figure["high"], figure
    assert figure["basis"] == "counted", figure
    return figure["value"]


class Served:
    """Calls the simulator and adds up what it says that they used."""

    def __init__(self, sim):
        self.sim, self.requests, self.input, self.output, self.answers = sim, 0, 0, 0, []

    def call(self, count, **body):
        for number in range(count):
            status, _, text = get(self.sim.url + "/v1/chat/completions", "POST",
                                  json.dumps({"model": MODEL, "max_tokens": 5 + number % 7, "messages": [{"role": "user", "content": "word " * (number % 5 + 1)}], **body}),
                                  {"content-type": "application/json"})
            assert status == 200, text
            answer = json.loads(text)
            self.answers.append(answer)
            self.requests += 1
            self.input += answer["usage"]["prompt_tokens"]
            self.output += answer["usage"]["completion_tokens"]
        return self

    def check_with_the_simulator(self):
        asked = [one for one in self.sim.requests() if one["path"].endswith("/chat/completions")]
        assert len(asked) == self.requests
        assert sum(one["tokens_sent"] for one in asked) == self.output

    def equals(self, report):
        totals = report["totals"]
        assert exact(totals["input_tokens"]) == self.input
        assert exact(totals["output_tokens"]) == self.output
        assert exact(totals["requests"]) == self.requests


@pytest.fixture
def sim(tmp_path):
    simulator = Simulator(tmp_path, "--flavor", "vllm", "--tokens", "12")
    yield simulator
    simulator.stop()


def page_of(sim):
    return get(sim.url + "/metrics")[2]


def test_two_pages_of_metrics_tell_what_was_served_between_them(sim, tmp_path):
    Served(sim).call(3)
    before = page_of(sim)
    sim.forget()
    served = Served(sim).call(12)
    served.check_with_the_simulator()
    pages = f"# 2026-01-02T03:00:00Z\n{before}\n# 2026-01-02T04:00:00Z\n{page_of(sim)}"
    plain = tmp_path / "pages.prom"
    plain.write_text(pages)
    served.equals(audit(plain))
    for packed in [tmp_path / "pages.prom.gz", tmp_path / "members.gz"]:
        half = len(pages) // 2
        packed.write_bytes(gzip.compress(pages.encode()) if packed.name == "pages.prom.gz" else gzip.compress(pages[:half].encode()) + gzip.compress(pages[half:].encode()))
        served.equals(audit(packed))
    subprocess.run(["zstd", "-q", plain, "-o", tmp_path / "pages.zst"], check=True)
    served.equals(audit(tmp_path / "pages.zst"))


def test_a_restart_between_two_pages_loses_nothing_that_a_page_saw(sim, tmp_path):
    served = Served(sim).call(6)
    first = page_of(sim)
    other = Simulator(tmp_path, "--flavor", "vllm", "--tokens", "12", name="restarted")
    again = Served(other).call(2)
    source = tmp_path / "pages.prom"
    empty = re.sub(r"(?m)^(vllm:\S+) .*$", r"\1 0.0", first)
    source.write_text("\n".join(f"# 2026-01-02T0{hour}:00:00Z\n{page}" for hour, page in enumerate([empty, first, page_of(other)])))
    other.stop()
    totals = audit(source)["totals"]
    # What was served between the last page and the restart, nobody knows: the figure is a lower bound.
    assert totals["output_tokens"]["low"] == served.output + again.output
    assert totals["input_tokens"]["low"] == served.input + again.input


class Proxy(http.server.ThreadingHTTPServer):
    """Answers GET with what `answer(path)` says: status and text."""

    def __init__(self, answer):
        proxy = self
        self.asked, self.tokens = [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                proxy.asked.append(self.path)
                proxy.tokens.append(self.headers.get("authorization"))
                status, text = answer(self.path)
                body = text.encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def test_a_live_page_is_sampled_until_somebody_ends_it(sim):
    Served(sim).call(4)
    with Proxy(lambda path: (200, page_of(sim))) as proxy:
        process = subprocess.Popen([BINARY, "audit", proxy.url + "/metrics", "--for", "10m", "--every", "200ms", "--json", "--tz", "UTC"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: proxy.asked or process.poll() is not None)
        wait_until(lambda: len(proxy.asked) > 1 or process.poll() is not None)  # The first page is read.
        served = Served(sim).call(9)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    served.equals(json.loads(out))


def test_one_page_over_tls_tells_of_everything_since_its_process_began(tmp_path):
    authority = make_authority(tmp_path)
    simulator = Simulator(tmp_path, "--flavor", "vllm", "--tls-certificate", authority / "good.pem", "--tls-private-key", authority / "good.key", name="tls")
    page = f"https://localhost:{simulator.port}/metrics"
    once = ["--for", "1ms", "--every", "1s", "--json", "--tz", "UTC"]
    trusted = {"SSL_CERT_FILE": str(authority / "ca.pem")}
    context = ssl.create_default_context(cafile=authority / "ca.pem")
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}).encode()
    request = urllib.request.Request(f"https://localhost:{simulator.port}/v1/chat/completions", data=body, headers={"content-type": "application/json"})
    usage = json.loads(urllib.request.urlopen(request, context=context).read())["usage"]
    done = run("audit", page, *once, env=trusted)
    strange = run("audit", page, *once)
    simulator.stop()
    assert done.returncode == 0, done.stderr
    totals = json.loads(done.stdout)["totals"]
    assert totals["input_tokens"]["value"] == usage["prompt_tokens"]
    assert totals["output_tokens"]["value"] == usage["completion_tokens"]
    assert strange.returncode == 5 and "certificate" in strange.stderr, strange.stderr


def test_a_token_is_sent_and_never_said(tmp_path, sim):
    token = tmp_path / "token"
    token.write_text("very-secret\n")
    Served(sim).call(1)
    with Proxy(lambda path: (200, page_of(sim))) as proxy:
        done = run("audit", proxy.url + "/metrics", "--for", "1ms", "--every", "1s", "--token-file", token, "--json", "--tz", "UTC")
    assert done.returncode == 0, done.stderr
    assert proxy.tokens == ["Bearer very-secret"]
    assert "very-secret" not in done.stdout + done.stderr


def test_an_address_that_does_not_answer_is_one_clear_line(tmp_path):
    nobody = Proxy(lambda path: (200, ""))
    url = nobody.url
    nobody.__exit__()
    for source in [url + "/metrics", url]:
        done = run("audit", source, "--json")
        assert done.returncode == 5, done.stderr
        assert done.stderr.startswith("bellwether: " + source + ": ") and done.stderr.count("\n") == 1, done.stderr
    with Proxy(lambda path: (200, "<html>hello</html>")) as page:
        done = run("audit", page.url + "/metrics", "--json")
        assert done.returncode == 5 and "no page of a vLLM's metrics" in done.stderr, done.stderr
    with Proxy(lambda path: (403, "no")) as page:
        done = run("audit", page.url, "--json")
        assert done.returncode == 5 and "answered 403" in done.stderr, done.stderr


class Prometheus:
    """A server of Prometheus' query API over samples that are given: [(labels, [(time, value), …]), …]. A question that would load more
    than `samples_max` is refused, as Prometheus does."""

    def __init__(self, series, samples_max=10**9):
        self.series, self.samples_max, self.refused = series, samples_max, 0

    def answer(self, path):
        url = urllib.parse.urlsplit(path)
        query = {name: values[0] for name, values in urllib.parse.parse_qs(url.query).items()}
        names = re.fullmatch(r'\{__name__=~"(.*)"\}(?:\[(\d+)s\])?', query["query"])
        assert names, query
        found = []
        for labels, samples in self.series:
            if not re.fullmatch(names[1], labels["__name__"]):
                continue
            if url.path == "/api/v1/query":
                end, begin = float(query["time"]), float(query["time"]) - int(names[2])
                values = [(at, value) for at, value in samples if begin < at <= end]
            else:
                assert url.path == "/api/v1/query_range", path
                values, at = [], float(query["start"])
                while at <= float(query["end"]):
                    values += [(at, value) for when, value in samples if at - 300 < when <= at][-1:]
                    at += float(query["step"])
            if values:
                found.append({"metric": labels, "values": [[at, str(value)] for at, value in values]})
        if sum(len(one["values"]) for one in found) > self.samples_max:
            self.refused += 1
            return 422, json.dumps({"status": "error", "errorType": "execution", "error": "query processing would load too many samples into memory in query execution"})
        return 200, json.dumps({"status": "success", "data": {"resultType": "matrix", "result": found}}, separators=(",", ":"))


BEGIN = 1_767_312_000  # 2026-01-02T00:00:00Z


def counted(name, increments, every=15, start=0.0, reset_after=None, **labels):
    """A counter's samples, and what it counted between the first and the last."""
    value, samples, total = start, [(BEGIN, start)], 0
    for number, more in enumerate(increments):
        value = more if number == reset_after else value + more
        total += more
        samples.append((BEGIN + every * (number + 1), value))
    return ({"__name__": name, "job": "vllm", "model_name": MODEL, **labels}, samples), total


@pytest.mark.parametrize("samples_max", [10**9, 3000])
def test_a_prometheus_server_is_asked_for_raw_samples(samples_max):
    series, tokens = [], {"vllm:prompt_tokens_total": 0, "vllm:generation_tokens_total": 0, "vllm:request_success_total": 0}
    for engine in ["0", "1"]:
        for name in tokens:
            for reason in ["stop", "length"] if name == "vllm:request_success_total" else [None]:
                more = {"finished_reason": reason} if reason else {}
                one, total = counted(name, [(number * 7 + len(name)) % (50 + int(engine)) for number in range(7000)], reset_after=3000 if engine == "1" else None, start=1000.0,
                                     engine=engine, instance=f"gpu-{engine}:8000", **more)
                tokens[name] += total
                series.append(one)
    # Everything comes twice: a pair of Prometheus servers behind one address.
    doubled = [({**labels, "prometheus_replica": replica}, [(at + shift, value) for at, value in samples])
               for labels, samples in series for replica, shift in [("a", 0.0), ("b", 0.25)]]
    server = Prometheus(doubled, samples_max)
    with Proxy(server.answer) as proxy:
        done = run("audit", proxy.url, "--since", "2026-01-01T12:00:00Z", "--until", "2026-01-03T12:00:00Z", "--json", "--tz", "UTC")
    assert done.returncode == 0, done.stderr
    assert (server.refused > 0) == (samples_max == 3000)
    totals = json.loads(done.stdout)["totals"]
    for figure, name in [("input_tokens", "vllm:prompt_tokens_total"), ("output_tokens", "vllm:generation_tokens_total"), ("requests", "vllm:request_success_total")]:
        # One engine restarted: what it served between its last sample and its end is an upper bound.
        assert totals[figure]["low"] <= tokens[name] <= totals[figure]["high"], (name, totals[figure], tokens[name])
        assert abs(totals[figure]["value"] - tokens[name]) <= tokens[name] * 0.001 + 60, (name, totals[figure], tokens[name])


def test_an_answer_of_prometheus_in_a_file_counts_like_the_server_itself(tmp_path):
    tokens = {}
    series = []
    for name in ["vllm:prompt_tokens_total", "vllm:generation_tokens_total"]:
        one, tokens[name] = counted(name, [(number * 3) % 20 for number in range(2000)], engine="0", instance="gpu-0:8000")
        series.append(one)
    answer = tmp_path / "range.json"
    answer.write_text(json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [
        {"metric": labels, "values": [[at, str(value)] for at, value in samples]} for labels, samples in series]}}))
    export = tmp_path / "export.jsonl"
    export.write_text("".join(json.dumps({"metric": labels, "values": [value for _, value in samples], "timestamps": [int(at * 1000) for at, _ in samples]}) + "\n"
                              for labels, samples in series))
    for source in [answer, export]:
        totals = audit(source)["totals"]
        assert exact(totals["input_tokens"]) == tokens["vllm:prompt_tokens_total"]
        assert exact(totals["output_tokens"]) == tokens["vllm:generation_tokens_total"]


def test_recorded_answers_are_counted_to_the_token(sim, tmp_path):
    served = Served(sim).call(7)
    lines = tmp_path / "answers.jsonl"
    lines.write_text("".join(json.dumps(answer) + "\n" for answer in served.answers))
    served.equals(audit(lines))
    array = tmp_path / "answers.json"
    array.write_text(json.dumps(served.answers, indent=2))
    served.equals(audit(array))
    pairs = tmp_path / "pairs.jsonl.gz"
    pairs.write_bytes(gzip.compress("".join(json.dumps({"request": {"model": MODEL, "seed": 7, "tools": [{"type": "function"}]}, "response": answer}) + "\n"
                                            for answer in served.answers).encode()))
    report = audit(pairs)
    served.equals(report)
    assert {"seed", "tools"} <= {row["name"] for row in report["features"]}, report["features"]


def test_litellm_rows_are_counted_without_its_own_cache(tmp_path):
    rows, tokens = [], 0
    for number in range(50):
        cached = number % 10 == 0
        tokens += 0 if cached else 100 + number
        rows.append({"request_id": f"r{number}", "call_type": "acompletion", "spend": 0.1, "prompt_tokens": 100 + number, "completion_tokens": 10,
                     "startTime": f"2026-01-02 03:{number:02}:00.000", "endTime": f"2026-01-02 03:{number:02}:09.500", "model": "m",
                     "metadata": json.dumps({"note": "a \"quoted\"\nline, and a comma"}), "cache_hit": str(cached), "status": "success"})
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    table = tmp_path / "spend.csv"
    table.write_text(text.getvalue())
    documents = tmp_path / "spend.json"
    documents.write_text(json.dumps(rows))
    for source in [table, documents]:
        totals = audit(source)["totals"]
        assert exact(totals["input_tokens"]) == tokens
        assert exact(totals["output_tokens"]) == 450


def test_our_own_access_log_is_counted_to_the_token(sim, tmp_path):
    config = base(tmp_path) + f'[upstream.v]\ndialect = "vllm"\nbase_url = "{sim.url}/v1"\n{ONE_TRY}[model.chat]\nroute = [{{ upstream = "v", model = "{MODEL}" }}]\n'
    gateway = Gateway(tmp_path, config)
    used = []
    for number in range(8):
        status, _, text = gateway.post("/v1/chat/completions", {"model": "chat", "max_tokens": 3 + number, "messages": [{"role": "user", "content": "hello " * number + "x"}]})
        assert status == 200, text
        used.append(json.loads(text)["usage"])
    get(gateway.url + "/healthz")
    gateway.log_line(lambda line: line.get("endpoint") == "/healthz")
    wait_until(lambda: len(gateway.logged()) == 9)
    gateway.stop()
    report = audit(tmp_path / "gateway.out")
    assert exact(report["totals"]["requests"]) == 8
    assert exact(report["totals"]["input_tokens"]) == sum(one["prompt_tokens"] for one in used)
    assert exact(report["totals"]["output_tokens"]) == sum(one["completion_tokens"] for one in used)


def test_web_servers_logs_tell_requests_and_no_tokens(tmp_path):
    lines = [f'10.0.0.1 - - [02/Jan/2026:12:{number % 60:02}:05 +0900] "POST /v1/chat/completions HTTP/1.1" 200 512 "-" "OpenAI/Python" 2.500' for number in range(100)]
    lines += ['10.0.0.1 - - [02/Jan/2026:12:04:05 +0900] "GET /health HTTP/1.1" 200 0 "-" "kube-probe/1.30"'] * 50
    source = tmp_path / "access.log"
    source.write_text("\n".join(lines) + "\n")
    totals = audit(source)["totals"]
    assert totals["requests"]["value"] == 100
    assert totals["input_tokens"]["basis"] == "unknown"


def test_a_cut_source_is_read_up_to_the_cut_and_said_to_be_cut(sim, tmp_path):
    served = Served(sim).call(5)
    lines = tmp_path / "answers.jsonl.gz"
    packed = gzip.compress("".join(json.dumps(answer) + "\n" for answer in served.answers).encode())
    lines.write_bytes(packed[:-10])
    done = run("audit", lines, "--json", "--tz", "UTC")
    assert done.returncode == 6, done.stderr
    assert "cut off" in done.stderr, done.stderr
    assert json.loads(done.stdout)["totals"]["requests"]["value"] >= 4
