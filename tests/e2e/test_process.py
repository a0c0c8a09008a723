"""The process: start, keys, reload, drain, discovery, sockets, TLS, timeouts, metrics, log."""
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import openai
import pytest

from conftest import BINARY, PATIENCE, Gateway, Process, Simulator, base, get, make_authority, run, wait_until

MESSAGES = [{"role": "user", "content": "hello"}]


def ask(gateway, model="m", stream=False):
    """An answer, or the list of a stream's chunks."""
    with gateway.client() as client:
        answer = client.chat.completions.create(model=model, messages=MESSAGES, stream=stream)
        return list(answer) if stream else answer


@pytest.fixture
def sim(tmp_path):
    sim = Simulator(tmp_path, "--model", "m")
    yield sim
    sim.stop()


def simple(folder, sim, more="", top="", upstream=""):
    return (base(folder, top=top) + f'[upstream.sim]\ndialect = "vllm"\nbase_url = "{sim.url}/v1"\n{upstream}'
            '[model.m]\nroute = ["sim"]\n' + more)


# ---- Start ----

def test_nothing_but_an_upstream(tmp_path, sim):
    gateway = Process(tmp_path, "serve", "--upstream", sim.url, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", name="gateway")
    key = next(word for word in gateway.said().split() if word.startswith("hs_"))
    with openai.OpenAI(api_key=key, base_url=gateway.url + "/v1", max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["m"]
        assert client.chat.completions.create(model="m", messages=MESSAGES).choices[0].finish_reason == "stop"
        chunks = list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))
        assert chunks[-1].choices[0].finish_reason == "stop"
    assert json.loads(sim.requests()[-1]["body"])["stream_options"]["continuous_usage_stats"] is True  # it was recognised as a vLLM
    assert (tmp_path / "bellwether-data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "bellwether-data/admin.sock").stat().st_mode & 0o777 == 0o600
    assert key not in (tmp_path / "bellwether-data/keys.jsonl").read_text()
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0


def test_an_upstream_that_comes_up_later(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
    gateway = Process(tmp_path, "serve", "--upstream", f"http://127.0.0.1:{port}/v1", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", name="gateway")
    key = next(word for word in gateway.said().split() if word.startswith("hs_"))
    with openai.OpenAI(api_key=key, base_url=gateway.url + "/v1", max_retries=0) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model="m", messages=MESSAGES)
        assert (caught.value.status_code, caught.value.code) == (503, "upstream_unavailable")
        late = Process(tmp_path, "sim", "--listen", f"127.0.0.1:{port}", "--model", "m", name="late")
        wait_until(lambda: list(client.models.list()))
        assert client.chat.completions.create(model="m", messages=MESSAGES).choices
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="other", messages=MESSAGES)
    gateway.stop()
    late.stop()


@pytest.mark.parametrize("arguments, code, text", [
    (["serve"], 3, "there is no upstream"), (["serve", "--upstream", "localhost:8000"], 3, "takes a URL"), (["serve", "--config", "nowhere.toml"], 3, "cannot read"),
    (["serve", "--config", "a", "--upstream", "b"], 2, "excludes"), (["serve", "--nothing"], 2, "--nothing"), (["srve"], 2, "did you mean 'serve'?"), ([], 2, "subcommand"),
    (["check", "--config", "bad.toml"], 3, "bad.toml:2:1: unknown key lsten; did you mean listen?"), (["check", "--config", "good.toml"], 0, ""),
    (["key", "create"], 2, "--name"), (["key", "create", "--name", "x", "--expires", "soon"], 3, "90d"), (["key", "revoke", "nobody", "--data", "."], 3, "no key nobody"),
    (["key", "create", "--name", "x", "--models", "gpt", "--config", "good.toml"], 3, "Model not found: gpt"),
    (["credit", "add", "--account", "a", "5.00"], 1, "not in this version yet"), (["version"], 0, ""), (["completion", "bash"], 0, ""), (["--help"], 0, ""),
    (["sim", "--fault", "cat"], 2, "cut-role"), (["serve", "--upstream", "http://127.0.0.1:1", "--listen", "nowhere"], 3, "--listen takes"),
])
def test_the_command_line(tmp_path, arguments, code, text):
    (tmp_path / "bad.toml").write_text('data = "d"\nlsten = "127.0.0.1:1"\n[upstream.a]\nbase_url = "http://a"\n')
    (tmp_path / "good.toml").write_text('[upstream.a]\nbase_url = "http://a"\n[model.m]\nroute = ["a"]\n')
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert (done.stdout == "") == (code != 0)


def test_check_json(tmp_path):
    (tmp_path / "bad.toml").write_text('listen = 5\n')
    done = run("check", "--config", "bad.toml", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert done.returncode == 3 and told["schema"] == "bellwether.check/1" and told["ok"] is False
    assert (told["problems"][0]["line"], told["problems"][0]["column"]) == (1, 10)


def test_flags_over_environment_over_file(tmp_path, sim):
    (tmp_path / "b.toml").write_text(simple(tmp_path, sim).replace('listen = "127.0.0.1:0"\ndata', 'listen = "127.0.0.1:1"\ndata', 1))
    gateway = Process(tmp_path, "serve", "--data", "by-flag", env={"BELLWETHER_CONFIG": "b.toml", "BELLWETHER_LISTEN": "127.0.0.1:0", "BELLWETHER_DATA": "by-env"}, name="gateway")
    assert gateway.port != 1 and (tmp_path / "by-flag").exists() and not (tmp_path / "by-env").exists()
    gateway.stop()


def test_a_taken_port(tmp_path, sim):
    (tmp_path / "b.toml").write_text(simple(tmp_path, sim))
    done = run("serve", "--config", "b.toml", "--listen", sim.url.removeprefix("http://"), cwd=tmp_path)
    assert done.returncode == 1 and "Address already in use" in done.stderr


def test_two_gateways_do_not_share_a_data_folder(tmp_path, sim):
    gateway = Gateway(tmp_path, simple(tmp_path, sim))
    done = run("serve", "--config", gateway.config)
    assert done.returncode == 1 and "another process uses the data folder" in done.stderr
    gateway.stop()


# ---- Keys ----

def test_keys_without_a_server_and_with_one(tmp_path, sim):
    config = tmp_path / "gateway.toml"
    config.write_text(simple(tmp_path, sim))
    offline = json.loads(run("key", "create", "--name", "offline", "--config", config, "--json").stdout)
    assert offline["schema"] == "bellwether.key/1" and offline["account"] == "default" and len(offline["key"]) == 43
    short = json.loads(run("key", "create", "--name", "short", "--config", config, "--expires", "1s", "--json").stdout)
    gateway = Gateway(tmp_path, config.read_text())
    with gateway.client(api_key=offline["key"]) as client:
        assert client.models.list()
        rotated = json.loads(run("key", "rotate", "offline", "--config", config, "--json").stdout)
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
    with gateway.client(api_key=rotated["key"]) as client:
        assert client.models.list()
    listed = json.loads(run("key", "list", "--config", config, "--json").stdout)["keys"]
    assert [key["name"] for key in listed] == ["offline", "short", "test", "offline"]
    assert all("key" not in key and "sha256" not in key for key in listed)
    assert offline["key"] not in run("key", "list", "--config", config).stdout
    time.sleep(1.1)
    with gateway.client(api_key=short["key"]) as client, pytest.raises(openai.AuthenticationError) as caught:
        client.models.list()
    assert "expired" in str(caught.value)
    assert run("key", "revoke", rotated["id"], "--config", config).returncode == 0
    gateway.stop()
    again = Gateway(tmp_path, config.read_text())  # what was decided survives
    with again.client(api_key=rotated["key"]) as client, pytest.raises(openai.AuthenticationError):
        client.models.list()
    assert ask(again).choices
    again.stop()


def test_a_damaged_key_file_stops_the_start(tmp_path, sim):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/keys.jsonl").write_text("nonsense\n")
    (tmp_path / "b.toml").write_text(simple(tmp_path, sim))
    done = run("serve", "--config", "b.toml", cwd=tmp_path)
    assert done.returncode == 1 and "keys.jsonl" in done.stderr


def test_a_data_folder_with_a_long_path(tmp_path, sim):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    gateway = Gateway(deep, simple(deep, sim))
    assert ask(gateway).choices
    gateway.stop()


def test_no_keys_and_no_reload_through_the_port(tmp_path, sim):
    gateway = Gateway(tmp_path, simple(tmp_path, sim))
    assert get(gateway.admin + "/admin/keys")[0] == 403
    assert get(gateway.admin + "/admin/reload", "POST", "")[0] == 403
    gateway.stop()


# ---- Reload and the end ----

def test_reload_is_all_or_nothing_and_keeps_connections(tmp_path, sim):
    gateway = Gateway(tmp_path, simple(tmp_path, sim))
    client = gateway.client()
    assert client.chat.completions.create(model="m", messages=MESSAGES)
    good = gateway.config.read_text()
    gateway.config.write_text(good.replace("[model.m]", "[model.n]").replace("[\"sim\"]", "[{ upstream = \"sim\", model = \"m\" }]"))
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: [model.id for model in client.models.list()] == ["n"])
    for bad, words in [(good.replace("route", "rout"), "unknown key rout"), (good.replace('listen = "127.0.0.1:0"\ndata', 'listen = "127.0.0.1:9"\ndata'), "listen changed")]:
        before = gateway.metric("bellwether_reloads_total", "refused")
        gateway.config.write_text(bad)
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: gateway.metric("bellwether_reloads_total", "refused") > before)
        assert words in gateway.said()
        assert client.chat.completions.create(model="n", messages=MESSAGES)
    gateway.config.write_text(good)
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: [model.id for model in client.models.list()] == ["m"])
    assert gateway.metric("bellwether_connections_total") <= 2  # the client's one, whatever was reloaded under it
    client.close()
    gateway.stop()


def test_what_is_written_out_and_was_so_before_is_no_change(tmp_path, sim):
    gateway = Gateway(tmp_path, simple(tmp_path, sim))
    cores = len(os.sched_getaffinity(0))
    text = gateway.config.read_text()
    gateway.config.write_text(f"lanes = {cores}\n" + text.replace(f'data = "{tmp_path}/data"', f'data = "{tmp_path}/./data"'))
    assert gateway.config.read_text().count("/./data") == 1
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: gateway.metric("bellwether_reloads_total", "adopted") == 1, gateway.said)
    gateway.stop()


def test_a_reload_does_not_disturb_a_stream(tmp_path, sim):
    gateway = Gateway(tmp_path, simple(tmp_path, sim, '[model.slow]\nroute = [{ upstream = "sim", model = "fault-slow-drip:40ms" }]\n'))
    with gateway.client() as client:
        stream = iter(client.chat.completions.create(model="slow", messages=MESSAGES, stream=True))
        next(stream)
        gateway.config.write_text(gateway.config.read_text().replace("[model.slow]", "[model.other]"))
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: gateway.metric("bellwether_reloads_total", "adopted") == 1)
        chunks = list(stream)
        assert chunks[-1].choices[0].finish_reason == "stop" and chunks[-1].model == "slow"
    gateway.stop()


def test_drain_finishes_what_has_begun(tmp_path, sim):
    gateway = Gateway(tmp_path, simple(tmp_path, sim, '[model.slow]\nroute = [{ upstream = "sim", model = "fault-slow-drip:40ms" }]\n'))
    idle = gateway.connect()
    with gateway.client() as client:
        stream = iter(client.chat.completions.create(model="slow", messages=MESSAGES, stream=True))
        next(stream)
        gateway.signal(signal.SIGTERM)
        assert idle.recv(1) == b""  # an idle connection ends at once
        wait_until(lambda: get(gateway.admin + "/readyz")[0] == 503)
        with pytest.raises(OSError):
            gateway.connect()
        chunks = list(stream)
        assert chunks[-1].choices[0].finish_reason == "stop"
    assert gateway.wait() == 0
    assert gateway.logged()[-1]["status"] == 200
    idle.close()


def test_an_admin_connection_that_stays_open_is_in_nobodys_way(tmp_path, sim):
    """As of a scraper that keeps its connection, and of one that says nothing."""
    gateway = Gateway(tmp_path, simple(tmp_path, sim))
    address = urllib.parse.urlsplit(gateway.admin)
    silent = [socket.create_connection((address.hostname, address.port), timeout=PATIENCE)]
    silent.append(socket.socket(socket.AF_UNIX))
    silent[-1].connect(str(tmp_path / "data" / "admin.sock"))
    scraper = http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE)
    scraper.request("GET", "/metrics")
    assert scraper.getresponse().read()
    for _ in range(20):
        assert ask(gateway).choices
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
    assert len(gateway.logged()) == 20
    for connection in [*silent, scraper]:
        connection.close()


def begin_as(gateway, sim, model, there, stream):
    """A request that the upstream has, and has not answered."""
    connection = gateway.connect()
    body = json.dumps({"model": model, "messages": MESSAGES, "stream": stream})
    connection.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
    sim.wait_for(lambda request: request["outcome"] == "open" and json.loads(request["body"])["model"] == there)
    return connection


def everything(connection):
    received = b""
    while piece := connection.recv(65536):
        received += piece
    connection.close()
    return received.decode()


@pytest.mark.parametrize("asked_twice", [True, False], ids=["a second signal", "drain_timeout"])
def test_what_is_cut_short_is_told_and_logged(tmp_path, sim, asked_twice):
    gateway = Gateway(tmp_path, simple(tmp_path, sim, '[model.stuck]\nroute = [{ upstream = "sim", model = "fault-silence" }]\n'
                                       '[model.slow]\nroute = [{ upstream = "sim", model = "fault-slow-drip:200ms" }]\n', top="" if asked_twice else 'drain_timeout = "300ms"\n'))
    stuck, slow = begin_as(gateway, sim, "stuck", "fault-silence", False), begin_as(gateway, sim, "slow", "fault-slow-drip:200ms", True)
    assert slow.recv(1)
    gateway.signal(signal.SIGTERM)
    if asked_twice:
        wait_until(lambda: "draining" in gateway.said())
        assert gateway.process.poll() is None
        gateway.signal(signal.SIGTERM)
    assert gateway.wait() == (130 if asked_twice else 1)
    told = everything(stuck)
    assert told.startswith("HTTP/1.1 503") and "shutting down" in told
    told = everything(slow)
    assert 'data: {"error":{"message":"The gateway is shutting down' in told and "[DONE]" not in told and not told.endswith("0\r\n\r\n")
    lines = {line["model"]: line for line in gateway.logged()}
    assert {line["failure"] for line in lines.values()} == {"shutting_down"} and len(lines) == 2
    assert lines["stuck"]["usage_basis"] == "estimated" and lines["slow"]["output_tokens"] >= 1


# ---- Sockets and TLS ----

class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


def test_unix_sockets_on_both_sides(tmp_path):
    sim = Process(tmp_path, "sim", "--listen", f"unix:{tmp_path}/llm.sock", "--model", "m", name="sim")
    config = base(tmp_path).replace('"127.0.0.1:0"', '["127.0.0.1:0", "unix:calls.sock"]', 1) + (
        f'[upstream.sim]\nbase_url = "unix:{tmp_path}/llm.sock:/v1"\n[model.m]\nroute = ["sim"]\n')
    gateway = Gateway(tmp_path, config)
    assert ask(gateway).choices
    connection = UnixConnection(str(tmp_path / "calls.sock"))
    connection.request("POST", "/v1/chat/completions", json.dumps({"model": "m", "messages": MESSAGES}), {"authorization": "Bearer " + gateway.key})
    assert connection.getresponse().status == 200
    connection.close()
    gateway.stop()
    sim.stop()
    assert not (tmp_path / "calls.sock").exists() and not (tmp_path / "data/admin.sock").exists()


def test_ipv6(tmp_path):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    sim = Process(tmp_path, "sim", "--listen", "[::1]:0", "--model", "m", name="sim")
    gateway = Gateway(tmp_path, base(tmp_path).replace("127.0.0.1:0", "[::1]:0", 1) + f'[upstream.sim]\nbase_url = "{sim.url}/v1"\n[model.m]\nroute = ["sim"]\n')
    assert gateway.url.startswith("http://[::1]:")
    assert ask(gateway).choices
    gateway.stop()
    sim.stop()


def test_names_are_looked_up(tmp_path, sim):
    gateway = Gateway(tmp_path, base(tmp_path) + f'[upstream.sim]\nbase_url = "http://localhost:{sim.port}/v1"\n[upstream.none]\nbase_url = "http://does-not-exist.invalid/v1"\n'
                      '[model.m]\nroute = ["none", "sim"]\n')
    assert ask(gateway).x_source == "sim"
    gateway.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("ca"))


def tls_sim(folder, authority, name):
    return Process(folder, "sim", "--listen", "127.0.0.1:0", "--model", "m", "--tls-certificate", authority / f"{name}.pem", "--tls-private-key", authority / f"{name}.key", name=name)


def test_upstreams_over_tls_are_verified(tmp_path, authority):
    good, other = tls_sim(tmp_path, authority, "good"), tls_sim(tmp_path, authority, "other")
    config = base(tmp_path) + (f'[upstream.by-name]\nbase_url = "https://localhost:{good.port}/v1"\n[upstream.by-address]\nbase_url = "{good.url}/v1"\n'
                               f'[upstream.other]\nbase_url = "{other.url}/v1"\n'
                               '[model.by-name]\nroute = [{ upstream = "by-name", model = "m" }]\n[model.by-address]\nroute = [{ upstream = "by-address", model = "m" }]\n'
                               '[model.other]\nroute = [{ upstream = "other", model = "m" }]\n')
    gateway = Gateway(tmp_path, config, env={"SSL_CERT_FILE": str(authority / "ca.pem")})
    for model in ("by-name", "by-address"):
        assert ask(gateway, model).x_source == model
        assert ask(gateway, model, stream=True)[-1].choices[0].finish_reason == "stop"
    with pytest.raises(openai.InternalServerError) as caught:
        ask(gateway, "other")
    assert (caught.value.status_code, caught.value.code) == (503, "upstream_unavailable")
    assert "certificate" in gateway.log_line(lambda line: line.get("model") == "other")["detail"]
    gateway.stop()
    unknown = Gateway(tmp_path, config, env={"SSL_CERT_FILE": "/dev/null"})  # nobody knows this authority
    with pytest.raises(openai.InternalServerError):
        ask(unknown, "by-name")
    unknown.stop()
    good.stop()
    other.stop()


def test_tls_for_callers(tmp_path, authority, sim):
    gateway = Gateway(tmp_path, simple(tmp_path, sim, f'[tls]\ncertificate = "{authority}/good.pem"\nprivate_key = {{ file = "{authority}/good.key" }}\n'))
    assert gateway.url.startswith("https://")
    trust = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    with gateway.client(http_client=openai.DefaultHttpxClient(verify=trust)) as client:
        assert client.chat.completions.create(model="m", messages=MESSAGES).choices
        assert list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))[-1].choices[0].finish_reason == "stop"
    with gateway.connect() as plain:  # not TLS: closed, and nobody else is disturbed
        plain.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        try:
            assert b"HTTP" not in plain.recv(100)
        except ConnectionResetError:
            pass
    gateway.stop()
    (tmp_path / "bad.toml").write_text(simple(tmp_path, sim, '[tls]\ncertificate = "none.pem"\nprivate_key = { file = "none.key" }\n'))
    done = run("serve", "--config", tmp_path / "bad.toml")
    assert done.returncode == 3 and "none.pem" in done.stderr


def test_tls_at_the_bound_on_connections(tmp_path, authority, sim):
    """No room for a handshake either: closed, counted and logged."""
    gateway = Gateway(tmp_path, simple(tmp_path, sim, f'[limits]\nconnections = 1\n[tls]\ncertificate = "{authority}/good.pem"\nprivate_key = {{ file = "{authority}/good.key" }}\n'))
    with gateway.connect():
        wait_until(lambda: gateway.metric("bellwether_connections_open") == 1)
        with gateway.connect() as second:
            assert second.recv(1) == b""
    wait_until(lambda: gateway.metric("bellwether_connections_refused_total") == 1)
    assert gateway.log_line(lambda line: line.get("failure") == "overloaded")["request_id"].startswith("req_")
    gateway.stop()


# ---- The six timeouts ----

def timed(gateway, model, stream=False):
    with pytest.raises(openai.APIError) as caught:
        ask(gateway, model, stream=stream)
    return caught.value


def with_timeout(folder, url, timeout, model="m", more=""):
    return base(folder) + f'[upstream.u]\nbase_url = "{url}"\ntimeout = {{ {timeout} }}\n{more}[model.m]\nroute = [{{ upstream = "u", model = "{model}" }}]\n'


def test_timeout_connect(tmp_path):
    """A listener whose queue is full: the kernel neither takes nor refuses."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        gateway = Gateway(tmp_path, with_timeout(tmp_path, f"http://127.0.0.1:{full.getsockname()[1]}/v1", 'connect = "300ms"'))
        error = timed(gateway, "m")
        assert (error.status_code, error.code) == (504, "upstream_timeout")
        gateway.stop()
        for filler in fillers:
            filler.close()


def test_timeout_write(tmp_path):
    """An upstream that takes the connection and reads nothing of a large request."""
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(8)
        gateway = Gateway(tmp_path, with_timeout(tmp_path, f"http://127.0.0.1:{deaf.getsockname()[1]}/v1", 'write = "300ms"'))
        status, _, body = gateway.post("/v1/chat/completions", {"model": "m", "messages": ["x" * 12_000_000]})
        assert (status, json.loads(body)["error"]["code"]) == (504, "upstream_timeout")
        assert "sent" in gateway.log_line(lambda line: line["status"] == 504)["detail"]
        gateway.stop()


def test_timeout_pool(tmp_path, sim):
    config = with_timeout(tmp_path, sim.url + "/v1", 'pool = "200ms"', "fault-slow-head:2s", "connections = 1\n")
    gateway = Gateway(tmp_path, config.replace("data =", "lanes = 1\ndata ="))
    first = threading.Thread(target=lambda: ask(gateway))
    first.start()
    sim.wait_for(lambda request: request["outcome"] == "open")
    error = timed(gateway, "m")
    assert (error.status_code, error.code) == (503, "overloaded")  # our own bound, and no fault of the upstream's
    first.join()  # the one that had the place is served
    gateway.stop()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("timeout, fault", [('first_token = "300ms"', "silence"), ('first_token = "300ms"', "slow-first:5s"), ('idle = "300ms"', "stall:2"),
                                            ('total = "400ms", idle = "300ms"', "slow-drip:100ms")])
def test_timeouts_of_the_reply(tmp_path, sim, timeout, fault, stream):
    gateway = Gateway(tmp_path, with_timeout(tmp_path, sim.url + "/v1", timeout, "fault-" + fault))
    error = timed(gateway, "m", stream)
    assert error.code == "upstream_timeout"
    sim.wait_for(lambda request: request["outcome"] == "caller_gone")  # the upstream was told, and does not work for nobody
    gateway.stop()


def test_a_stream_that_outlives_every_phases_timeout_is_not_cut(tmp_path, sim):
    gateway = Gateway(tmp_path, with_timeout(tmp_path, sim.url + "/v1", 'connect = "300ms", write = "300ms", pool = "300ms", first_token = "300ms", idle = "300ms"', "fault-slow-drip:100ms"))
    began = time.monotonic()
    assert ask(gateway, stream=True)[-1].choices[0].finish_reason == "stop"
    assert time.monotonic() - began > 1.2
    gateway.stop()


def test_signs_of_life_while_an_upstream_is_silent(tmp_path, sim):
    gateway = Gateway(tmp_path, base(tmp_path, top='keep_alive_comment = "100ms"\n') + f'[upstream.sim]\ndialect = "vllm"\nbase_url = "{sim.url}/v1"\n'
                      '[model.m]\nroute = [{ upstream = "sim", model = "fault-slow-head:700ms" }]\n[model.dead]\nroute = [{ upstream = "sim", model = "fault-cut-role" }]\n')
    status, headers, body = gateway.post("/v1/chat/completions", {"model": "m", "messages": MESSAGES, "stream": True})
    assert status == 200 and headers["content-type"].startswith("text/event-stream")
    assert body.startswith(": keep-alive\n\n") and body.endswith("data: [DONE]\n\n")
    assert ask(gateway, stream=True)[-1].choices[0].finish_reason == "stop"
    gateway.stop()


def test_an_upstream_that_closes_idle_connections_goes_unnoticed(tmp_path):
    """A reused connection that died while it lay unused is replaced without a word."""
    reply = json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}]})
    served = []

    def serve(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            received = b""
            while b'"messages"' not in received:
                received += connection.recv(65536)
            served.append(1)
            connection.sendall(f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(reply)}\r\n\r\n{reply}".encode())
            time.sleep(0.01)
            connection.close()  # although it promised to stay

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        gateway = Gateway(tmp_path, base(tmp_path, top="lanes = 1\n") + f'[upstream.u]\nbase_url = "http://127.0.0.1:{listener.getsockname()[1]}/v1"\n[model.m]\nroute = ["u"]\n')
        with gateway.client() as client:
            for _ in range(20):
                assert client.chat.completions.create(model="m", messages=MESSAGES).choices[0].message.content == "ok"
        assert len(served) == 20
        gateway.stop()


# ---- What it tells ----

def test_metrics_and_health(tmp_path, sim):
    gateway = Gateway(tmp_path, simple(tmp_path, sim))
    for path, status in [("/livez", 200), ("/readyz", 200), ("/healthz", 200), ("/metrics", 200), ("/nothing", 404)]:
        assert get(gateway.admin + path)[0] == status
    for _ in range(5):
        ask(gateway)
    ask(gateway, stream=True)
    with pytest.raises(openai.BadRequestError):
        ask(gateway, "no-such-model")
    assert gateway.metric("bellwether_requests_total", 'model="m",upstream="sim",code="200"') == 6
    assert gateway.metric("bellwether_requests_total", 'code="400"') == 1 and "no-such-model" not in gateway.metrics()
    assert gateway.metric("bellwether_tokens_total", 'type="completion"') == 6 * 16
    assert gateway.metric("bellwether_overhead_seconds_bucket", 'model="m",upstream="sim",le="+Inf"') == 6
    assert gateway.metric("bellwether_upstream_attempts_total", 'outcome="ok"') == 6
    assert gateway.metric("bellwether_failures_total", 'reason="model_unknown"') == 1
    assert 'le="1e-05"' in gateway.metrics() and gateway.metric("process_resident_memory_bytes") > 1e6
    gateway.stop()


def test_access_log_to_a_file_and_its_rotation(tmp_path, sim):
    gateway = Gateway(tmp_path, simple(tmp_path, sim, '[log]\naccess = "access.log"\n'))
    log = tmp_path / "access.log"
    ask(gateway)
    wait_until(lambda: log.exists() and log.read_text().count("\n") == 1)
    log.rename(tmp_path / "old.log")
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: log.exists())
    ask(gateway)
    wait_until(lambda: log.read_text().count("\n") == 1)
    line = json.loads(log.read_text())
    assert line["status"] == 200 and line["input_tokens"] > 0 and gateway.key not in log.read_text() and "hello" not in log.read_text()
    gateway.stop()


def test_a_log_that_nobody_reads_holds_nobody_up(tmp_path, sim):
    """Standard output is a pipe that is full: lines are dropped and counted, requests are served."""
    config = tmp_path / "b.toml"
    config.write_text(simple(tmp_path, sim))
    key = json.loads(run("key", "create", "--name", "x", "--config", config, "--json").stdout)["key"]
    ready = tmp_path / "ready.json"
    read_end, write_end = os.pipe()
    process = subprocess.Popen([BINARY, "serve", "--config", config, "--ready-file", ready], stdout=write_end, stderr=subprocess.DEVNULL)
    os.close(write_end)
    wait_until(ready.exists)
    told = json.loads(ready.read_text())
    connection = http.client.HTTPConnection(told["listen"][0].removeprefix("http://"), timeout=PATIENCE)
    filler = {"authorization": "Bearer " + key, "x-client-request-id": "y" * 500}
    dropped = 0
    for _ in range(12_000):  # about 9 MB of lines: more than pipe and rings hold
        connection.request("GET", "/v1/models", headers=filler)
        assert connection.getresponse().read()
    page = get(told["admin"] + "/metrics")[2]
    dropped = float(next(line for line in page.splitlines() if line.startswith("bellwether_access_log_dropped_total")).split()[1])
    assert dropped > 0
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    os.close(read_end)


def test_start_after_a_kill(tmp_path, sim):
    """Sockets of a process that had no time to clean up are in nobody's way, and neither is its lock."""
    config = simple(tmp_path, sim).replace('"127.0.0.1:0"', '["127.0.0.1:0", "unix:calls.sock"]', 1)
    gateway = Gateway(tmp_path, config)
    gateway.process.kill()
    gateway.wait()
    assert (tmp_path / "calls.sock").exists() and (tmp_path / "data/admin.sock").exists()
    assert [key["name"] for key in json.loads(run("key", "list", "--config", gateway.config, "--json").stdout)["keys"]] == ["test"]
    again = Gateway(tmp_path, config)
    with again.client(api_key=gateway.key) as client:
        assert client.chat.completions.create(model="m", messages=MESSAGES).choices
    again.stop()


def test_an_access_log_on_a_full_disk_holds_nobody_up(tmp_path, sim):
    gateway = Gateway(tmp_path, simple(tmp_path, sim, '[log]\naccess = "/dev/full"\n'))
    for _ in range(3):
        assert ask(gateway).choices
    wait_until(lambda: gateway.metric("bellwether_access_log_dropped_total") == 3)
    assert "cannot write the access log" in gateway.said()
    gateway.stop()


def test_a_line_of_the_access_log(tmp_path, sim):
    """What docs/operating.md lists, for a request that has all of it and for one that was refused."""
    gateway = Gateway(tmp_path, simple(tmp_path, sim))
    with gateway.client(default_headers={"x-client-request-id": "job-1"}) as client:
        list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))
    line = gateway.log_line(lambda line: line.get("stream"))
    assert set(line) == {"at", "request_id", "client_request_id", "method", "endpoint", "status", "model", "upstream", "key_id", "account", "stream", "attempts", "retry_count",
                         "input_tokens", "cached_input_tokens", "output_tokens", "usage_basis", "total_ms", "overhead_ms", "first_token_ms"}
    assert (line["client_request_id"], line["method"], line["endpoint"], line["status"], line["usage_basis"]) == ("job-1", "POST", "/v1/chat/completions", 200, "reported")
    assert 0 < line["overhead_ms"] <= line["total_ms"]
    for odd in ("a" * 513, "\u00e9"):  # not sane: neither logged nor sent back
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
        connection.request("GET", "/v1/nothing", headers={"x-client-request-id": odd})
        reply = connection.getresponse()
        assert reply.status == 404 and reply.getheader("x-client-request-id") is None
        line = gateway.log_line(lambda line: line["request_id"] == reply.getheader("x-request-id"))
        assert "client_request_id" not in line and line["failure"] == "endpoint_unknown"
        connection.close()
    gateway.stop()


def test_reload_takes_new_certificates_and_keeps_connections(tmp_path, sim):
    first, second = make_authority(mkdir(tmp_path / "first")), make_authority(mkdir(tmp_path / "second"))
    for name in ("good.pem", "good.key"):
        (tmp_path / name).write_text((first / name).read_text())
    gateway = Gateway(tmp_path, simple(tmp_path, sim, '[tls]\ncertificate = "good.pem"\nprivate_key = { file = "good.key" }\n', top="lanes = 1\n"))

    def client(authority):
        return gateway.client(http_client=openai.DefaultHttpxClient(verify=ssl.create_default_context(cafile=str(authority / "ca.pem"))))

    with client(first) as old, client(second) as new:
        assert old.models.list()
        with pytest.raises(openai.APIConnectionError):
            new.models.list()
        (tmp_path / "good.pem").write_text("no certificate")
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: "reload refused" in gateway.said())
        with client(first) as another:
            assert another.models.list()
        for name in ("good.pem", "good.key"):
            (tmp_path / name).write_text((second / name).read_text())
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: "configuration reloaded" in gateway.said())
        wait_until(lambda: new_certificate(gateway, second))
        assert new.models.list()
        assert old.models.list()  # on the connection that it has
    gateway.stop()


def mkdir(path):
    path.mkdir()
    return path


def new_certificate(gateway, authority):
    """Whether a new connection gets the authority's certificate: lanes take it up a moment after the reload was told."""
    try:
        with gateway.connect() as plain, ssl.create_default_context(cafile=str(authority / "ca.pem")).wrap_socket(plain, server_hostname="localhost"):
            return True
    except ssl.SSLError:
        return False
