"""Restart without a cut: one process follows the other, or takes its configuration anew, and no caller notices. With --long
(BELLWETHER_LONG) at the size that the promise names."""
import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from conftest import BINARY, PATIENCE, Gateway, Process, Simulator, base, get, run, wait_until
from traffic import Caller, Traffic, request_of, text_of_stream

LONG = bool(os.environ.get("BELLWETHER_LONG"))
SANITIZED = os.environ.get("BELLWETHER_PRESET", "release") in ("asan", "tsan")
RATE, STREAMS = (100, 20) if SANITIZED else (1000, 200) if LONG else (200, 40)
TAKEOVERS, RELOADS = (20, 200) if LONG and not SANITIZED else (4, 20)
MESSAGES = [{"role": "user", "content": "hello"}]


@pytest.fixture
def sim(tmp_path):
    sim = Simulator(tmp_path, "--model", "m", "--model", "fault-slow-drip:100ms", "--tokens", "24", "--no-record")
    yield sim
    sim.stop()


def config_of(folder, sim, more="", top=""):
    return (base(folder, top=top) + f'[log]\naccess = "access.log"\n[upstream.sim]\ndialect = "vllm"\nbase_url = "{sim.url}/v1"\n'
            '[model.m]\nroute = ["sim"]\n[model.slow]\nroute = [{ upstream = "sim", model = "fault-slow-drip:100ms" }]\n' + more)


def traffic_of(gateway, **more):
    """The same requests as are counted, once in peace: what must come back each time."""
    told = json.loads(gateway.post("/v1/chat/completions", {"model": "m", "messages": MESSAGES})[2])["choices"][0]["message"]["content"]
    with gateway.connect() as connection:
        connection.sendall(request_of(gateway.key, {"model": "slow", "messages": MESSAGES, "stream": True}))
        data = b""
        while not data.endswith(b"\r\n0\r\n\r\n"):
            data += connection.recv(65536)
    streamed = text_of_stream(data)
    assert told and streamed
    return Traffic(("127.0.0.1", gateway.port), gateway.key, more.get("rate", RATE), more.get("streams", STREAMS), told, streamed)


class Successor(Process):
    def __init__(self, gateway, name, *more):
        super().__init__(gateway.folder, "serve", "--config", gateway.config, "--take-over", *more, name=name)


class SlowUpstream:
    """Lists its models when it is let. `asked`: somebody waits for that."""

    def __init__(self):
        self.asked, self.answer = threading.Event(), threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.set()
                outer.answer.wait(PATIENCE)
                body = b'{"object":"list","data":[{"id":"m","object":"model"}]}'
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # whoever asked may be gone
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.config = f'[upstream.u]\nbase_url = "http://127.0.0.1:{server.server_port}/v1"\n'


# ---- Take-over ----

def test_takeovers_under_load_lose_nothing(tmp_path, sim):
    gateway = Gateway(tmp_path, config_of(tmp_path, sim, top='lanes = 2\n'))
    running, ended = gateway, []
    with traffic_of(gateway) as traffic:
        time.sleep(1)
        for number in range(TAKEOVERS):
            # The number of lanes changes too: more sockets than lanes, and more lanes than sockets.
            gateway.config.write_text(gateway.config.read_text().replace(f"lanes = {2 - number % 2}", f"lanes = {1 + number % 2}"))
            successor = Successor(gateway, f"successor-{number}")
            assert successor.ready["listen"] == gateway.ready["listen"] and successor.ready["admin"] == gateway.ready["admin"]
            ended.append(running)
            running = successor
            time.sleep(0.5)
    print(f"\n{TAKEOVERS} take-overs: {traffic.report()}")
    assert traffic.lost == []
    assert traffic.streams.complete == traffic.streams.begun >= STREAMS
    for process in ended:
        assert process.wait() == 0, process.said()
        process.stop()
    # Keys are one process's matter at any time, and it is the last one's now.
    assert run("key", "create", "--name", "after", "--config", gateway.config).returncode == 0
    assert get(gateway.admin + "/readyz")[0] == 200
    running.stop()
    assert not (tmp_path / "data/admin.sock").exists() and not (tmp_path / "data/takeover.sock").exists()


def test_reloads_under_load_lose_nothing(tmp_path, sim):
    gateway = Gateway(tmp_path, config_of(tmp_path, sim))
    with traffic_of(gateway) as traffic:
        time.sleep(0.5)
        for number in range(RELOADS):
            gateway.config.write_text(config_of(tmp_path, sim, f'[model.other-{number}]\nroute = ["sim"]\n'))
            gateway.signal(signal.SIGHUP)
            wait_until(lambda: gateway.said().count("configuration reloaded") == number + 1, gateway.said)
            time.sleep(0.05)
    print(f"\n{RELOADS} reloads: {traffic.report()}")
    assert traffic.lost == []
    assert traffic.streams.complete == traffic.streams.begun >= STREAMS
    gateway.stop()


def test_keys_change_while_processes_follow_each_other(tmp_path, sim):
    gateway = Gateway(tmp_path, config_of(tmp_path, sim))
    running, made, over = [gateway], [], threading.Event()

    def make_keys():
        while not over.is_set():
            made.append(run("key", "create", "--name", f"key-{len(made)}", "--config", gateway.config, "--json"))

    thread = threading.Thread(target=make_keys)
    thread.start()
    for number in range(4):
        running.append(Successor(gateway, f"successor-{number}"))
    over.set()
    thread.join()
    assert [one.stderr for one in made if one.returncode != 0] == []
    listed = json.loads(run("key", "list", "--config", gateway.config, "--json").stdout)["keys"]
    assert {key["name"] for key in listed} == {"test", *(f"key-{number}" for number in range(len(made)))}
    for one in made[-3:]:
        assert get(gateway.url + "/v1/models", headers={"authorization": "Bearer " + json.loads(one.stdout)["key"]})[0] == 200
    for process in running[:-1]:
        assert process.wait() == 0
    for process in running:
        process.stop()


def test_a_connection_of_before_is_answered_once_more(tmp_path, sim):
    """On a kept-alive connection the next request is still answered, and is told to go elsewhere; a revoked key is refused on it too."""
    gateway = Gateway(tmp_path, config_of(tmp_path, sim))
    revoked = gateway.make_key("gone")
    first, second = (http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE) for _ in range(2))
    for connection in (first, second):
        connection.request("GET", "/v1/models", headers={"authorization": "Bearer " + revoked})
        reply = connection.getresponse()
        assert reply.status == 200 and reply.read() and reply.getheader("connection") is None
    successor = Successor(gateway, "successor")
    first.request("GET", "/v1/models", headers={"authorization": "Bearer " + revoked})
    reply = first.getresponse()
    assert reply.status == 200 and reply.read() and reply.getheader("connection") == "close"
    assert run("key", "revoke", "gone", "--config", gateway.config).returncode == 0
    time.sleep(2)  # the leaving process looks once a second
    second.request("GET", "/v1/models", headers={"authorization": "Bearer " + revoked})
    assert second.getresponse().status == 401
    assert gateway.wait() == 0
    gateway.stop()
    successor.stop()


def test_a_successor_that_fails_changes_nothing(tmp_path, sim):
    gateway = Gateway(tmp_path, config_of(tmp_path, sim))
    good = gateway.config.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken, traffic_of(gateway, rate=100, streams=10) as traffic:
        for text, code, said in [(good.replace("[model.m]", "[modle.m]"), 3, "modle"),
                                 (good.replace('listen = "127.0.0.1:0"', f'listen = ["127.0.0.1:0", "127.0.0.1:{taken.getsockname()[1]}"]', 1), 1, "another program has it")]:
            gateway.config.write_text(text)
            failed = run("serve", "--config", gateway.config, "--take-over")
            assert failed.returncode == code and said in failed.stderr, failed.stderr
        # One that waits for its first discovery, and is killed before it serves; one that waits in vain.
        slow = SlowUpstream()
        gateway.config.write_text(base(tmp_path) + slow.config)
        killed = subprocess.Popen([BINARY, "serve", "--config", str(gateway.config), "--take-over"], stderr=subprocess.DEVNULL)
        assert slow.asked.wait(PATIENCE)
        another = run("serve", "--config", gateway.config, "--take-over")
        assert another.returncode == 1 and "another process is taking over already" in another.stderr
        before = gateway.said().count("not taken over, going on: the new process ended before it served")
        killed.kill()
        killed.wait()
        wait_until(lambda: gateway.said().count("not taken over, going on: the new process ended before it served") == before + 1, gateway.said)
        knows_nothing = run("serve", "--config", gateway.config, "--take-over")
        assert knows_nothing.returncode == 1 and "no upstream has listed a model" in knows_nothing.stderr
        slow.answer.set()
        gateway.config.write_text(good)
        assert get(gateway.admin + "/readyz")[0] == 200
        gateway.make_key("still")
    assert traffic.lost == []
    assert gateway.process.poll() is None
    successor = Successor(gateway, "successor")
    assert gateway.wait() == 0
    gateway.stop()
    successor.stop()


def test_a_gateway_that_dies_meanwhile_is_succeeded(tmp_path, sim):
    gateway = Gateway(tmp_path, config_of(tmp_path, sim))
    slow = SlowUpstream()
    text = gateway.config.read_text()
    gateway.config.write_text(base(tmp_path) + slow.config)
    started = threading.Thread(target=lambda: successors.append(Successor(gateway, "successor")))
    successors = []
    started.start()
    assert slow.asked.wait(PATIENCE)
    gateway.process.kill()
    gateway.wait()
    slow.answer.set()
    started.join()
    successor = successors[0]
    assert "which has died" in successor.said() and successor.ready["listen"] == gateway.ready["listen"]
    gateway.config.write_text(text)
    assert run("key", "create", "--name", "after", "--config", gateway.config).returncode == 0
    gateway.stop()
    assert successor.stop() == 0


def test_no_gateway_to_take_over_from(tmp_path, sim):
    config = tmp_path / "b.toml"
    config.write_text(config_of(tmp_path, sim))
    refused = run("serve", "--config", config, "--take-over")
    assert refused.returncode == 1 and "no gateway runs on the data folder" in refused.stderr and "without --take-over" in refused.stderr


def test_versions_of_the_handover(tmp_path, sim):
    gateway = Gateway(tmp_path, config_of(tmp_path, sim))
    path = tmp_path / "data/takeover.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    for said, answer in [(b"take-over 99 7.0\n", b"hands over by protocol 1, not 99"), (b"GET / HTTP/1.1\n", b"this is the take-over socket")]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(path))
            connection.sendall(said)
            assert answer in connection.recv(1000)
    gateway.stop()
    # And a gateway of another version, from the successor's side.
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()

        def answer(text):
            connection = other.accept()[0]
            connection.recv(100)
            connection.sendall(text)
            connection.close()

        for text, said in [(b"refused the running gateway hands over by protocol 2, not 1\n", "protocol 2, not 1"), (b"end 1\n", "did not pass on the data folder's lock"),
                           (b"what?\n", "does not answer"), (b"", "does not answer")]:
            thread = threading.Thread(target=answer, args=(text,))
            thread.start()
            refused = run("serve", "--config", gateway.config, "--take-over")
            thread.join()
            assert refused.returncode == 1 and said in refused.stderr, refused.stderr


def test_addresses_come_and_go_with_a_takeover(tmp_path, sim):
    text = config_of(tmp_path, sim).replace('"127.0.0.1:0"', '["127.0.0.1:0", "unix:calls.sock"]', 1)
    gateway = Gateway(tmp_path, text)
    second = Successor(gateway, "second")
    assert gateway.wait() == 0 and second.ready["listen"] == gateway.ready["listen"]
    gateway.stop()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(tmp_path / "calls.sock"))  # the leaving process has not removed it
    gateway.config.write_text(config_of(tmp_path, sim).replace('"127.0.0.1:0"', '["127.0.0.1:0", "[::1]:0"]', 1))
    third = Successor(gateway, "third")
    assert "no longer listening on unix:" in third.said() and third.ready["listen"][0] == gateway.ready["listen"][0] and "[::1]" in third.ready["listen"][1]
    assert second.wait() == 0
    second.stop()
    third.stop()


# ---- The end ----

def test_a_request_that_is_just_arriving_is_answered(tmp_path, sim):
    """SIGTERM under a steady rate: whoever gets a connection gets an answer. Only connecting fails afterwards."""
    gateway = Gateway(tmp_path, config_of(tmp_path, sim))
    told = json.loads(gateway.post("/v1/chat/completions", {"model": "m", "messages": MESSAGES})[2])["choices"][0]["message"]["content"]
    request = request_of(gateway.key, {"model": "m", "messages": MESSAGES})
    callers = [Caller(("127.0.0.1", gateway.port), request, pause, told) for pause in [0.05] * 8 + [0.3, 0.8]]
    for caller in callers:
        caller.start()
    time.sleep(1)
    began = time.monotonic()
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0 and time.monotonic() - began < 5
    for caller in callers:
        caller.over.set()
        caller.join()
        assert caller.answered > 0 and [trouble for trouble in caller.lost if "ConnectionRefused" not in trouble] == []
    gateway.stop()


def test_what_lies_in_the_kernel_when_the_end_comes_is_answered(tmp_path, sim):
    """The process is stopped, requests and connections arrive, then SIGTERM: as on a machine that is busy in that moment."""
    gateway = Gateway(tmp_path, config_of(tmp_path, sim))
    request = request_of(gateway.key, {"model": "m", "messages": MESSAGES})
    idle = [gateway.connect() for _ in range(20)]
    time.sleep(1.2)  # longer than the grace
    gateway.signal(signal.SIGSTOP)
    connections = idle + [gateway.connect() for _ in range(20)]
    for connection in connections:
        connection.sendall(request)
    gateway.signal(signal.SIGTERM)
    gateway.signal(signal.SIGCONT)
    for connection in connections:
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        connection.close()
    assert gateway.wait() == 0
    gateway.stop()


def test_the_end_is_prompt(tmp_path, sim):
    gateway = Gateway(tmp_path, config_of(tmp_path, sim))
    with gateway.client() as client, gateway.connect():
        assert client.models.list()
        time.sleep(1.1)  # idle for longer than the grace
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
        assert time.monotonic() - began < (5 if SANITIZED else 0.9)
    gateway.stop()


# ---- systemd ----

ACTIVATE = """
import os, socket, sys
sockets = []
for spec in sys.argv[2].split(","):
    name, _, place = spec.partition("=")
    if place.startswith("/"):
        one = socket.socket(socket.AF_UNIX)
        one.bind(place)
    else:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", int(place)))
    if name != "deaf":
        one.listen(128)
    sockets.append((name, one))
for i, (_, one) in enumerate(sockets):
    os.dup2(one.fileno(), 100 + i)
for i in range(len(sockets)):
    os.dup2(100 + i, 3 + i)
    os.close(100 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES=":".join(name for name, _ in sockets))
os.execv(sys.argv[1], [sys.argv[1], *sys.argv[3:]])
"""


class Activated(Process):
    """As systemd starts it: `sockets` are open as descriptors 3 and up. (Process starts BINARY; here Python does, and becomes it.)"""

    def __init__(self, folder, sockets, *arguments, env=None, name="activated"):
        self.folder = folder
        self.name = name
        self.ready_file = folder / f"{name}.ready.json"
        self.ready_file.unlink(missing_ok=True)
        self.out, self.err = open(folder / f"{name}.out", "wb"), open(folder / f"{name}.err", "wb")
        self.process = subprocess.Popen([sys.executable, "-c", ACTIVATE, BINARY, sockets, *map(str, arguments), "--ready-file", str(self.ready_file)],
                                        stdout=self.out, stderr=self.err, cwd=folder, env={**os.environ, **(env or {})})

    def start(self):
        wait_until(lambda: self.ready_file.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()
        self.ready = json.loads(self.ready_file.read_text())
        self.url = self.ready["listen"][0]
        return self


def free_port():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]


class ServiceManager:
    """The other end of $NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = str(folder / "notify.sock")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE)
        self.socket.bind(self.path)

    def told(self):
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())


def test_socket_activation(tmp_path, sim):
    """Inherited sockets by address and by name, one shared by all lanes; the rest is bound as usual. Then a take-over passes them on."""
    manager = ServiceManager(tmp_path)
    config = tmp_path / "gateway.toml"
    port, admin = free_port(), free_port()
    config.write_text(config_of(tmp_path, sim, top="lanes = 2\n").replace('"127.0.0.1:0"', f'["127.0.0.1:{port}", "unix:{tmp_path}/calls.sock", "127.0.0.1:0"]', 1))
    key = json.loads(run("key", "create", "--name", "x", "--config", config, "--json").stdout)["key"]
    activated = Activated(tmp_path, f"bellwether.socket={port},bellwether.socket={tmp_path}/calls.sock,admin={admin}", "serve", "--config", config,
                          env={"NOTIFY_SOCKET": manager.path}).start()
    assert manager.told() == {"READY": "1", "MAINPID": str(activated.process.pid)}
    assert activated.ready["admin"] == f"http://127.0.0.1:{admin}" and activated.ready["listen"][:2] == [f"http://127.0.0.1:{port}", f"unix:{tmp_path}/calls.sock"]
    for url in (activated.ready["listen"][0], activated.ready["listen"][2]):
        for _ in range(20):
            assert get(url + "/v1/models", headers={"authorization": "Bearer " + key})[0] == 200
    activated.signal(signal.SIGHUP)
    assert manager.told().keys() == {"RELOADING", "MONOTONIC_USEC"} and manager.told()["READY"] == "1"
    successor = Process(tmp_path, "serve", "--config", config, "--take-over", env={"NOTIFY_SOCKET": manager.path}, name="successor")
    assert manager.told() == {"READY": "1", "MAINPID": str(successor.process.pid)} and successor.ready["listen"] == activated.ready["listen"]
    assert activated.wait() == 0
    activated.stop()
    assert get(successor.url + "/v1/models", headers={"authorization": "Bearer " + key})[0] == 200
    successor.signal(signal.SIGTERM)
    assert manager.told() == {"STOPPING": "1"} and successor.wait() == 0
    assert (tmp_path / "calls.sock").exists()  # systemd's, not ours
    successor.stop()
    manager.socket.close()


@pytest.mark.parametrize("sockets,said", [("x={other}", "neither `listen` nor [admin] `listen` of the configuration names: http://127.0.0.1:{other} (x)"),
                                          ("deaf={port}", "descriptor 3 (deaf) of LISTEN_FDS is no listening stream socket")])
def test_inherited_sockets_that_do_not_fit(tmp_path, sim, sockets, said):
    port, other = free_port(), free_port()
    config = tmp_path / "gateway.toml"
    config.write_text(config_of(tmp_path, sim).replace('"127.0.0.1:0"', f'"127.0.0.1:{port}"', 1))
    activated = Activated(tmp_path, sockets.format(port=port, other=other), "serve", "--config", config)
    assert activated.wait() == 1
    assert said.format(port=port, other=other) in activated.said()
    activated.stop()


def test_variables_for_another_process_mean_nothing(tmp_path, sim):
    gateway = Gateway(tmp_path, config_of(tmp_path, sim), env={"LISTEN_PID": "1", "LISTEN_FDS": "3"})
    assert get(gateway.admin + "/readyz")[0] == 200
    gateway.stop()
