"""The real gateway and the real simulator, started as the end-to-end tests of the gateway start them."""

import http.server
import importlib.util
import os
import pathlib
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]

# The one place that knows how processes are started and stopped.
_spec = importlib.util.spec_from_file_location("bellwether_processes", ROOT / "tests/e2e/conftest.py")
processes = importlib.util.module_from_spec(_spec)
sys.modules["bellwether_processes"] = processes
_spec.loader.exec_module(processes)

MESSAGES = [{"role": "user", "content": "양 떼를 세어 줘 🐑"}]
VLLM = "deepseek-ai/DeepSeek-V3"


class Canned:
    """A server of canned bytes that keeps what it was sent: for what no well-made server does, and for heads that the simulator does not keep.

    `answer(method, path, number)` gives status, headers and body; `number` counts the requests from 0."""

    def __init__(self, answer):
        self.asked = []
        lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(inner):
                body = inner.rfile.read(int(inner.headers.get("content-length", 0)))
                with lock:
                    number = len(self.asked)
                    self.asked.append({"method": inner.command, "path": inner.path, "headers": {k.lower(): v for k, v in inner.headers.items()}, "body": body})
                status, headers, said = answer(inner.command, inner.path, number)
                inner.send_response(status)
                for name, value in {"content-type": "application/json", **headers, "content-length": str(len(said))}.items():
                    inner.send_header(name, value)
                inner.end_headers()
                inner.wfile.write(said)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            # Five, the default, would let the sixth connection of a moment wait for a second.
            request_queue_size = 128
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.base_url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


COMPLETION = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m",'
    b'"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}'
)
LIST = b'{"object":"list","data":[{"id":"m","object":"model","created":1,"owned_by":"x"}]}'


def complete(method, path, number):
    return 200, {}, LIST if method == "GET" else COMPLETION


@pytest.fixture(autouse=True)
def _nobody_elses_settings(monkeypatch):
    """What stands in the environment of whoever runs the tests is none of their business."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "HOLYSHEEP_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def sim(tmp_path_factory):
    """A bare vLLM: no key, no fields of ours. Faults are asked for by the model's name."""
    sim = processes.Simulator(tmp_path_factory.mktemp("sim"), "--flavor", "vllm", "--tokens", "12")
    sim.base_url = sim.url + "/v1"
    yield sim
    sim.stop()


@pytest.fixture(scope="session")
def gateway(sim, tmp_path_factory):
    """Bellwether in front of it, with a model for each fault, and one try: what a single attempt does."""
    folder = tmp_path_factory.mktemp("gateway")
    models = [("chat", f'[{{ upstream = "vllm", model = "{VLLM}" }}]'), ("deepseek-chat", f'[{{ upstream = "vllm", model = "{VLLM}" }}]')]
    models += [(f"fault/{fault}", f'[{{ upstream = "vllm", model = "fault-{fault}" }}]') for fault in processes.FAULTS]
    text = processes.config_for(
        folder,
        {"vllm": ("vllm", sim.url)},
        models,
        '[model.sheep]\nroute = [{ upstream = "vllm", model = "deepseek-ai/DeepSeek-V3" }]\naliases = ["flock/Sheep v1"]\n',
    )
    gateway = processes.Gateway(folder, text)
    gateway.base_url = gateway.url + "/v1"
    gateway.sim = sim
    yield gateway
    gateway.stop()


@pytest.fixture
def client(gateway):
    from holysheep import HolySheep

    with HolySheep(api_key=gateway.key, base_url=gateway.base_url, max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
def asynchronous(gateway):
    """Makes an asynchronous client; called within the loop that is to use it."""
    from holysheep import HolySheepClient

    return lambda **more: HolySheepClient(**{"api_key": gateway.key, "base_url": gateway.base_url, "max_retries": 0, "timeout": 30, **more})


@pytest.fixture
def bare(sim):
    """A client of the bare vLLM itself."""
    from holysheep import HolySheep

    with HolySheep(api_key="none", base_url=sim.base_url, key_check="off", max_retries=0, timeout=1) as client:
        yield client
