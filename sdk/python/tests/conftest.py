"""The real gateway and the real simulator, started as the end-to-end tests of the gateway start them."""

import importlib.util
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]

# The one place that knows how processes are started and stopped.
_spec = importlib.util.spec_from_file_location("bellwether_processes", ROOT / "tests/e2e/conftest.py")
processes = importlib.util.module_from_spec(_spec)
sys.modules["bellwether_processes"] = processes
_spec.loader.exec_module(processes)

MESSAGES = [{"role": "user", "content": "양 떼를 세어 줘 🐑"}]
VLLM = "deepseek-ai/DeepSeek-V3"


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
    text = processes.config_for(folder, {"vllm": ("vllm", sim.url)}, models, '[model.sheep]\nroute = [{ upstream = "vllm", model = "m" }]\naliases = ["flock/Sheep v1"]\n')
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
