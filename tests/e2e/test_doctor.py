"""`bellwether doctor` against upstreams and machines with one thing wrong each; what it says, and that it changes nothing."""
import datetime
import http.server
import json
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import tempfile
import threading

import pytest
import trustme

from conftest import BINARY, PATIENCE, Gateway, Simulator, base, run

CLEAN = {"BELLWETHER_CONFIG": "", "BELLWETHER_UPSTREAM": "", "BELLWETHER_DATA": "", "BELLWETHER_LISTEN": "", "BELLWETHER_ADMIN_LISTEN": "", "NOTIFY_SOCKET": "", "INVOCATION_ID": ""}


class Told:
    def __init__(self, done):
        self.code, self.err = done.returncode, done.stderr
        self.json = json.loads(done.stdout)
        self.checks = self.json["checks"]

    def of(self, name):
        return next(check for check in self.checks if check["name"] == name)

    def failed(self):
        return {check["name"] for check in self.checks if check["status"] == "failed"}


def environment(env):
    return {key: value for key, value in {**os.environ, **CLEAN, **(env or {})}.items() if value != ""}


def doctor(config, folder, env=None, limits=None):
    path = pathlib.Path(folder) / "doctor.toml"
    path.write_text(config)
    done = subprocess.run([BINARY, "doctor", "--config", path, "--json"], capture_output=True, text=True, timeout=PATIENCE, env=environment(env), preexec_fn=limits)
    return Told(done)


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    sim = Simulator(tmp_path_factory.mktemp("sim"), "--flavor", "vllm", "--api-key", "good-key")
    yield sim
    sim.stop()


def upstream(url, key=None, model="deepseek-ai/DeepSeek-V3", name="a"):
    secret = f'api_key = {{ env = "{key}" }}\n' if key else ""
    return f'[upstream.{name}]\ndialect = "vllm"\nbase_url = "{url}/v1"\n{secret}[model.m-{name}]\nroute = [{{ upstream = "{name}", model = "{model}" }}]\n'


def test_a_sound_installation_is_all_ok(tmp_path, sim):
    sim.forget()
    told = doctor(base(tmp_path) + upstream(sim.url, "KEY"), tmp_path, {"KEY": "good-key"})
    assert told.code == 0 and told.json["schema"] == "bellwether.doctor/1" and told.json["ok"] is True and told.failed() == set()
    assert {"config", "secrets", "port of callers", "admin port", "open files", "data folder", "time zones", "service manager", "upstream a", "upstream a models", "clock"} <= {check["name"] for check in told.checks}
    assert told.of("upstream a models")["message"] == "it lists all 1 that routes name"
    assert all(check["remedy"] for check in told.checks if check["status"] != "ok") and "good-key" not in json.dumps(told.json)
    # Nothing was made, and no token was spent.
    assert not (tmp_path / "data").exists()
    assert not [request for request in sim.requests() if request.get("path", request.get("target", "")).endswith("completions")]


@pytest.mark.parametrize("key, text", [("wrong-key", "our key is not accepted (401)"), (None, "it wants a key (401), and the config has none")])
def test_a_wrong_key_and_a_missing_one(tmp_path, sim, key, text):
    told = doctor(base(tmp_path) + upstream(sim.url, "KEY" if key else None), tmp_path, {"KEY": key} if key else {})
    assert told.code == 5 and told.failed() == {"upstream a"} and text in told.of("upstream a")["message"]


def test_a_model_that_is_not_there_has_a_nearest(tmp_path, sim):
    told = doctor(base(tmp_path) + upstream(sim.url, "KEY", "deepseek-ai/DeepSeek-V33"), tmp_path, {"KEY": "good-key"})
    assert told.code == 5 and "nearest is deepseek-ai/DeepSeek-V3" in told.of("upstream a models")["message"]


def test_a_secret_that_is_not_set_leaves_the_rest_to_be_looked_at(tmp_path, sim):
    told = doctor(base(tmp_path) + upstream(sim.url, "NOT_SET"), tmp_path)
    assert told.code == 3 and told.failed() == {"secrets"} and "NOT_SET, which is not set" in told.of("secrets")["message"]
    assert "the key could not be tried" in told.of("upstream a")["message"]
    assert not any(b"unneeded" in json.dumps(request).encode() for request in sim.requests())


@pytest.mark.parametrize("text, said", [("listn = 1\n", "doctor.toml:1:1: unknown key listn"), ("", "has no upstream")])
def test_an_invalid_config(tmp_path, text, said):
    told = doctor(text, tmp_path)
    assert told.code == 3 and said in told.of("config")["message"]


def test_hosts_and_ports_that_are_not_there(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        config = base(tmp_path) + upstream("http://no-such-host.invalid", name="lost") + upstream(f"http://127.0.0.1:{nobody.getsockname()[1]}", name="closed")
        config += f'[upstream.gone]\nbase_url = "unix:{tmp_path}/no.sock:/v1"\n'
        told = doctor(config, tmp_path)
    assert told.code == 5 and told.failed() == {"upstream lost", "upstream closed", "upstream gone"}
    assert "looking up no-such-host.invalid" in told.of("upstream lost")["message"] and "DNS" in told.of("upstream lost")["remedy"]
    assert "Connection refused" in told.of("upstream closed")["message"] and "No such file" in told.of("upstream gone")["message"]


def serve(handler, context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def models_handler(body=b'{"object":"list","data":[{"id":"deepseek-ai/DeepSeek-V3","object":"model"}]}', status=200, date=None):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response_only(status)
            if date:
                self.send_header("Date", date)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    return Handler


def test_certificates_of_upstreams(tmp_path):
    import ssl
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    issued = {"good": authority.issue_cert("127.0.0.1"), "stranger": stranger.issue_cert("127.0.0.1"), "other": authority.issue_cert("example.org"), "expired": authority.issue_cert("127.0.0.1", not_after=past)}
    servers, config = [], base(tmp_path)
    for name, certificate in issued.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        servers.append(serve(models_handler(), context))
        config += upstream(f"https://127.0.0.1:{servers[-1].server_port}", name=name)
    servers.append(serve(models_handler()))
    config += upstream(f"https://127.0.0.1:{servers[-1].server_port}", name="plain")
    told = doctor(config, tmp_path, {"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
    for server in servers:
        server.shutdown()
    assert told.code == 5 and told.failed() == {"upstream stranger", "upstream other", "upstream expired", "upstream plain"}
    assert "mismatch" in told.of("upstream other")["message"] and "expired" in told.of("upstream expired")["message"]
    assert all("SSL_CERT_FILE" in told.of(name)["remedy"] for name in told.failed() - {"upstream plain"}) and "speak TLS" in told.of("upstream plain")["remedy"]


@pytest.mark.parametrize("handler, said", [(models_handler(b"<html>hello</html>"), "no list of models"), (models_handler(b"{}", 404), "no list of models (404)"), (models_handler(b"{}", 500), "answered with 500"),
                                           (models_handler(b'{"object":"list","data":[]}'), None)])
def test_what_answers_and_is_no_upstream(tmp_path, handler, said):
    server = serve(handler)
    told = doctor(base(tmp_path) + upstream(f"http://127.0.0.1:{server.server_port}"), tmp_path)
    server.shutdown()
    assert told.code == 5
    assert said is None and "deepseek-ai/DeepSeek-V3" in told.of("upstream a models")["message"] or said in told.of("upstream a")["message"]


def test_a_clock_that_is_off(tmp_path):
    server = serve(models_handler(date="Sun, 06 Nov 1994 08:49:37 GMT"))
    told = doctor(base(tmp_path) + upstream(f"http://127.0.0.1:{server.server_port}"), tmp_path)
    server.shutdown()
    assert told.code == 0 and told.of("clock")["status"] == "warning" and "behind us" in told.of("clock")["message"]


def test_a_port_that_another_has(tmp_path, sim):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = f'listen = "127.0.0.1:{taken.getsockname()[1]}"\n' + base(tmp_path).split("\n", 2)[2] + upstream(sim.url, "KEY")
        told = doctor(config, tmp_path, {"KEY": "good-key"})
    assert told.code == 1 and told.failed() == {"port of callers"} and "another process" in told.of("port of callers")["message"]


def test_a_running_gateway_is_ours(tmp_path, sim):
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], two.getsockname()[1]
    config = f'listen = "127.0.0.1:{ports[0]}"\ndata = "{tmp_path}/data"\n[admin]\nlisten = "127.0.0.1:{ports[1]}"\n' + upstream(sim.url, "KEY")
    gateway = Gateway(tmp_path, config, env={"KEY": "good-key"})
    told = doctor(config, tmp_path, {"KEY": "good-key"})
    assert told.code == 0, told.json
    for name in ("port of callers", "admin port"):
        assert "a Bellwether answers there" in told.of(name)["message"]
    assert "in use by a running Bellwether" in told.of("data folder")["message"] and told.of("disk sync")["message"].startswith("a small write")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == sorted(path.name for path in (tmp_path / "data").iterdir() if "doctor" not in path.name)
    gateway.stop()


def test_few_open_files(tmp_path, sim):
    limit = lambda count: lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
    config = base(tmp_path) + upstream(sim.url, "KEY")
    few = doctor(config, tmp_path, {"KEY": "good-key"}, limit(1024))
    assert few.code == 0 and few.of("open files")["status"] == "warning" and "LimitNOFILE=" in few.of("open files")["remedy"]
    none = doctor(config, tmp_path, {"KEY": "good-key"}, limit(64))
    assert none.code == 1 and none.failed() == {"open files"} and none.of("upstream a")["status"] == "ok"


def test_our_own_certificate(tmp_path, sim):
    authority = trustme.CA()
    now = datetime.datetime.now(datetime.timezone.utc)
    for name, days in [("fresh", 200), ("soon", 5), ("over", -1)]:
        issued = authority.issue_cert("localhost", not_after=now + datetime.timedelta(days=days))
        issued.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        for blob in issued.cert_chain_pems:
            blob.write_to_path(tmp_path / f"{name}.pem", append=True)
    for certificate, key, status, said in [("fresh", "fresh", "ok", "valid until"), ("soon", "soon", "warning", "expires in 4 day(s)"), ("over", "over", "failed", "expired on"), ("fresh", "soon", "failed", "key values mismatch"), ("nowhere", "fresh", "failed", "nowhere.pem")]:
        tls = f'[tls]\ncertificate = "{certificate}.pem"\nprivate_key = {{ file = "{key}.key" }}\n'
        told = doctor(base(tmp_path) + tls + upstream(sim.url, "KEY"), tmp_path, {"KEY": "good-key"})
        check = told.of("certificate")
        assert (check["status"], told.code) == (status, 1 if status == "failed" else 0) and said in check["message"], check


def test_a_data_folder_that_is_open_to_others_or_is_none(tmp_path, sim):
    (tmp_path / "data").mkdir(mode=0o755)
    told = doctor(base(tmp_path) + upstream(sim.url, "KEY"), tmp_path, {"KEY": "good-key"})
    assert told.code == 0 and told.of("data folder")["status"] == "warning" and "chmod 700" in told.of("data folder")["remedy"]
    assert list((tmp_path / "data").iterdir()) == []
    (tmp_path / "file").write_text("")
    told = doctor(base(tmp_path, "file") + upstream(sim.url, "KEY"), tmp_path, {"KEY": "good-key"})
    assert told.code == 1 and told.failed() == {"data folder"} and "no folder" in told.of("data folder")["message"]


def test_a_data_folder_without_permission(sim):
    """As a user who is not root: the binary stands where that user can read it."""
    user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        shutil.copy(BINARY, folder / "bellwether")
        (folder / "data").mkdir(mode=0o500)
        (folder / "doctor.toml").write_text(base(folder) + upstream(sim.url, "KEY"))
        done = subprocess.run([folder / "bellwether", "doctor", "--config", folder / "doctor.toml", "--json"], capture_output=True, text=True, timeout=PATIENCE, env=environment({"KEY": "good-key"}), **user)
    told = Told(done)
    assert told.code == 1 and told.failed() == {"data folder"} and "chown" in told.of("data folder")["remedy"]


def test_under_systemd(tmp_path, sim):
    config = base(tmp_path) + upstream(sim.url, "KEY")
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.setblocking(False)
        told = doctor(config, tmp_path, {"KEY": "good-key", "NOTIFY_SOCKET": str(path)})
        assert told.of("service manager")["status"] == "ok" and "can be written to" in told.of("service manager")["message"]
        with pytest.raises(BlockingIOError):
            notify.recv(100)  # Nothing was said to it.
    assert doctor(config, tmp_path, {"KEY": "good-key", "NOTIFY_SOCKET": str(tmp_path / "no")}).failed() == {"service manager"}
    assert doctor(config, tmp_path, {"KEY": "good-key", "INVOCATION_ID": "x"}).of("service manager")["status"] == "warning"


def test_a_table_for_people(tmp_path, sim):
    (tmp_path / "bellwether.toml").write_text(base(tmp_path) + upstream(sim.url, "KEY"))
    done = subprocess.run([BINARY, "doctor"], capture_output=True, text=True, timeout=PATIENCE, cwd=tmp_path, env=environment({"KEY": "wrong"}))
    lines = done.stdout.splitlines()
    assert done.returncode == 5 and lines[0].startswith("ok       config") and "\x1b" not in done.stdout
    at = next(i for i, line in enumerate(lines) if line.startswith("failed"))
    assert lines[at].split()[1:3] == ["upstream", "a"] and lines[at + 1].lstrip().startswith("→ ")
    assert lines[-1].endswith("1 failed") and done.stderr == ""
    assert run("doctor", "--config", tmp_path / "none.toml", env=CLEAN).returncode == 3


def test_compare_takes_upstreams_of_the_config(tmp_path):
    sims = [Simulator(tmp_path, "--flavor", flavor, name=flavor) for flavor in ("vllm", "deepseek")]
    (tmp_path / "c.toml").write_text(base(tmp_path) + f'[upstream.a]\ndialect = "vllm"\nbase_url = "{sims[0].url}/v1"\n[upstream.b]\ndialect = "deepseek"\nbase_url = "{sims[1].url}/v1"\n'
                                     '[model.m]\nroute = [{ upstream = "a", model = "deepseek-ai/DeepSeek-V3" }, { upstream = "b", model = "deepseek-flash" }]\n')
    done = subprocess.run([BINARY, "doctor", "--config", tmp_path / "c.toml", "--compare", "a", "b", "--json"], capture_output=True, text=True, timeout=PATIENCE, env=environment({}))
    told = json.loads(done.stdout)
    assert told["schema"] == "bellwether.parity/1" and (told["a"]["endpoint"], told["b"]["endpoint"]) == ("a", "b") and done.returncode == (0 if told["ok"] else 99)
    for sim in sims:
        sim.stop()
