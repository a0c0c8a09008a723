"""Starts the real binary, as gateway and as simulator, for the tests; every process on a free port, stopped by its id."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.request

import openai
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("BELLWETHER", str(ROOT / "build/release/bellwether"))
# Sanitizers slow a process down several times; waits that only end a broken test may be generous.
PATIENCE = 60


def wait_until(check, tell=lambda: ""):
    """What the check says, once it is something; `tell` explains why it is not."""
    deadline = time.monotonic() + PATIENCE
    while not (found := check()):
        assert time.monotonic() < deadline, tell()
        time.sleep(0.02)
    return found


class Process:
    """One bellwether process that tells its addresses through a ready file."""

    def __init__(self, folder, *arguments, env=None, name="process"):
        self.folder = pathlib.Path(folder)
        self.ready_file = self.folder / f"{name}.ready.json"
        self.ready_file.unlink(missing_ok=True)
        self.out = open(self.folder / f"{name}.out", "wb")
        self.err = open(self.folder / f"{name}.err", "wb")
        self.process = subprocess.Popen(
            [BINARY, *map(str, arguments), "--ready-file", self.ready_file],
            stdout=self.out, stderr=self.err, cwd=self.folder, env={**os.environ, **(env or {})})
        deadline = time.monotonic() + PATIENCE
        while not self.ready_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"did not start: {(self.folder / f'{name}.err').read_text()}")
            time.sleep(0.01)
        self.ready = json.loads(self.ready_file.read_text())
        self.url = self.ready["listen"][0]
        self.name = name

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def said(self):
        return (self.folder / f"{self.name}.err").read_text()

    def logged(self):
        return [json.loads(line) for line in (self.folder / f"{self.name}.out").read_text().splitlines()]

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        return self.process.wait(PATIENCE)

    def stop(self):
        """Ends the process; one that a sanitizer stopped fails the test that used it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGTERM)
                self.process.wait(PATIENCE)
        self.out.close()
        self.err.close()
        said = self.said()
        assert "Sanitizer" not in said and "bellwether: bug" not in said, said
        return self.process.returncode


def run(*arguments, cwd=None, env=None):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=PATIENCE, env={**os.environ, **(env or {})})


def make_authority(folder):
    """A certificate authority of our own, made by openssl, with two server certificates: one for this machine, one for another name."""
    folder = pathlib.Path(folder)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test ca")
    for name, names in [("good", "DNS:localhost,IP:127.0.0.1"), ("other", "DNS:example.org")]:
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "ext").write_text(f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", "ext")
    return folder


def get(url, method="GET", body=None, headers=None):
    """Status, headers and body, whatever the status is."""
    request = urllib.request.Request(url, method=method, data=body.encode() if isinstance(body, str) else body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
            return reply.status, reply.headers, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


class Simulator(Process):
    def __init__(self, folder, *arguments, name="sim"):
        super().__init__(folder, "sim", "--listen", "127.0.0.1:0", *arguments, name=name)

    def requests(self):
        return json.loads(get(self.url + "/sim/requests")[2])["requests"]

    def forget(self):
        get(self.url + "/sim/requests", "DELETE")

    def fault(self, name):
        status, _, body = get(self.url + "/sim/fault", "PUT", json.dumps({"fault": name}))
        assert status == 200, body

    def wait_for(self, check):
        """The first recorded request that passes the check."""
        return wait_until(lambda: next(filter(check, self.requests()), None), lambda: f"not seen: {self.requests()}")


class Gateway(Process):
    def __init__(self, folder, config, *arguments, env=None, name="gateway"):
        folder = pathlib.Path(folder)
        self.config = folder / f"{name}.toml"
        self.config.write_text(config)
        super().__init__(folder, "serve", "--config", self.config, *arguments, env=env, name=name)
        self.admin = self.ready["admin"]
        self.key = self.make_key("test")

    def make_key(self, name, *more):
        made = run("key", "create", "--name", name, "--config", self.config, "--json", *more)
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout)["key"]

    def client(self, **more):
        more.setdefault("max_retries", 0)
        more.setdefault("api_key", self.key)
        more.setdefault("base_url", self.url + "/v1")
        return openai.OpenAI(**more)

    def post(self, path, body, headers=None):
        return get(self.url + path, "POST", body if isinstance(body, (str, bytes)) else json.dumps(body),
                   {"authorization": "Bearer " + self.key, "content-type": "application/json", **(headers or {})})

    def metrics(self):
        return get(self.admin + "/metrics")[2]

    def metric(self, name, labels=""):
        """The sum of a metric's series whose labels hold the text."""
        total = 0.0
        for line in self.metrics().splitlines():
            if (line.startswith(name + "{") or line.startswith(name + " ")) and labels in line:
                total += float(line.rsplit(" ", 1)[1])
        return total

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection.settimeout(PATIENCE)
        return connection

    def log_line(self, check):
        """The access line that passes the check; lines come a moment after their request."""
        return wait_until(lambda: next(filter(check, self.logged()), None), lambda: f"not logged: {self.logged()}")


# What a caller gets for each fault of the simulator: "ok", [status, code], "in band" (chunks, then an error). "stream" where it differs.
FAULTS = json.loads((pathlib.Path(__file__).parent / "faults.json").read_text())
# The class that either SDK raises for a status.
RAISES = {400: openai.BadRequestError, 401: openai.AuthenticationError, 403: openai.PermissionDeniedError, 404: openai.NotFoundError, 413: openai.APIStatusError,
          429: openai.RateLimitError, 502: openai.InternalServerError, 503: openai.InternalServerError, 504: openai.InternalServerError}


BASE = """
listen = "127.0.0.1:0"
data = "{data}"
[admin]
listen = "127.0.0.1:0"
"""


def base(folder, name="data", top=""):
    return top + BASE.format(data=pathlib.Path(folder) / name)


# One try, whatever went before: for tests of what a single attempt does.
ONE_TRY = 'retries = 0\nbreaker = { failures = 0, rate = "0%" }\n'


def config_for(folder, sims, models=(), more="", upstream=ONE_TRY):
    """A config with these simulators as upstreams, by name: (dialect, url)."""
    text = base(folder)
    for name, (dialect, url) in sims.items():
        text += f'[upstream.{name}]\ndialect = "{dialect}"\nbase_url = "{url}/v1"\ntimeout = {{ first_token = "1500ms", idle = "1500ms", connect = "2s" }}\n{upstream}'
    for model, route in models:
        text += f'[model."{model}"]\nroute = {route}\n'
    return text + more


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A gateway before four simulators, one of each flavour; faults are models of the first."""
    folder = tmp_path_factory.mktemp("world")
    dialects = ["vllm", "deepseek", "llama-server", "openai"]
    sims = {name: Simulator(folder, "--flavor", name, "--tokens", "12", name=name) for name in dialects}
    models = []
    for name in dialects:
        models.append((f"m-{name}", f'[{{ upstream = "{name}", model = "{sims_model(name)}" }}]'))
        for fault in FAULTS:
            models.append((f"{name}/{fault}", f'[{{ upstream = "{name}", model = "fault-{fault}" }}]'))
    text = config_for(folder, {name: (name, sim.url) for name, sim in sims.items()}, models,
                      '[model.chat]\nroute = [{ upstream = "vllm", model = "deepseek-ai/DeepSeek-V3" }]\naliases = ["Chat-V3", "org/chat v3"]\n'
                      'price = { input = "0.42", output = "0.42" }\n'
                      '[model.flash]\nroute = [{ upstream = "deepseek", model = "deepseek-flash", request = { thinking = { type = "disabled" }, top_k = 5 } }]\n')
    gateway = Gateway(folder, text)
    gateway.sims = sims
    yield gateway
    gateway.stop()
    for sim in sims.values():
        sim.stop()


def sims_model(flavor):
    return {"vllm": "deepseek-ai/DeepSeek-V3", "deepseek": "deepseek-flash", "llama-server": "SmolLM2-135M-Instruct", "openai": "gpt-4o-mini"}[flavor]


@pytest.fixture
def client(world):
    with world.client() as client:
        yield client
