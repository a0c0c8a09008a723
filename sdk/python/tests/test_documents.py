"""What the pages and the examples show is what works: run against the real gateway."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, VLLM, processes

pytestmark = pytest.mark.docs
PACKAGE = ROOT / "sdk/python"
PAGES = ["docs/callers.md", "docs/callers.ko.md", "sdk/python/README.md", "sdk/python/README.ko.md"]
SHOWN = "http://127.0.0.1:8080"


def blocks(language):
    return [
        pytest.param(block, id=f"{pathlib.Path(page).parts[0]}-{pathlib.Path(page).name}-{number}")
        for page in PAGES
        for number, block in enumerate(re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.S))
    ]


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """What `./dev up` starts: a model called demo; and a bare vLLM beside it."""
    folder = tmp_path_factory.mktemp("up")
    sim = processes.Simulator(folder, "--flavor", "vllm", "--tokens", "8")
    text = processes.config_for(folder, {"vllm": ("vllm", sim.url)}, [("demo", f'[{{ upstream = "vllm", model = "{VLLM}" }}]')])
    gateway = processes.Gateway(folder, text)
    gateway.bare = sim
    yield gateway
    gateway.stop()
    sim.stop()


def run(up, tmp_path, *command, **more):
    env = {**os.environ, "HOLYSHEEP_API_KEY": up.key, "HOLYSHEEP_BASE_URL": up.url + "/v1"}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=tmp_path, env=env, timeout=processes.PATIENCE, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def placed(up, block):
    return block.replace(SHOWN, up.url).replace("http://gpu-1:8000", up.bare.url)


@pytest.mark.parametrize("block", blocks("python"))
def test_python(up, tmp_path, block):
    assert run(up, tmp_path, sys.executable, "-W", "error", "-c", placed(up, block)).strip()


@pytest.mark.parametrize("block", blocks("sh"))
def test_curl(up, tmp_path, block):
    assert '"content"' in run(up, tmp_path, "bash", "-ec", placed(up, block))


@pytest.mark.parametrize("block", blocks("js"))
def test_node(up, tmp_path, block):
    modules = ROOT / "tests/e2e/node/node_modules"
    if not shutil.which("node") or not (modules / "openai").exists():
        pytest.skip("no Node with the openai package: scripts/sdk_python.sh installs them")
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "shown.mjs").write_text(placed(up, block))
    assert run(up, tmp_path, "node", "shown.mjs").strip()


EXAMPLES = sorted((PACKAGE / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples(up, tmp_path, example):
    more = {"batch.py": ["demo", "batch.jsonl"], "hybrid.py": ["demo", up.bare.url + "/v1"]}.get(example.name, [])
    first = run(up, tmp_path, sys.executable, "-W", "error", example, *more)
    assert first.strip()
    if example.name == "batch.py":
        assert len((tmp_path / "batch.jsonl").read_bytes().splitlines()) == 21
        assert run(up, tmp_path, sys.executable, "-W", "error", example, *more) == first


def test_the_hybrid_example_falls_back(up, tmp_path):
    class Down:
        key, url, bare = up.key, "http://127.0.0.1:1", up.bare

    assert run(Down, tmp_path, sys.executable, "-W", "error", PACKAGE / "examples/hybrid.py", "demo", up.bare.url + "/v1").strip()


def test_an_example_says_what_is_wrong(up):
    env = {"HOLYSHEEP_API_KEY": up.key, "HOLYSHEEP_BASE_URL": up.url}
    done = subprocess.run([sys.executable, PACKAGE / "examples/chat.py", "demoo"], capture_output=True, text=True, env=env)
    assert done.returncode == 1 and "did you mean 'demo'" in done.stderr


def test_the_reference_is_up_to_date():
    made = subprocess.run([sys.executable, PACKAGE / "reference.py"], capture_output=True, text=True, check=True).stdout
    assert made == (ROOT / "docs/sdk/python.md").read_text(), "run: scripts/sdk_python.sh docs"


def test_every_public_name_is_documented():
    import holysheep

    for name in holysheep.__all__:
        if name not in ("Timeout", "__version__"):
            assert (getattr(holysheep, name).__doc__ or "").strip(), name


def test_both_languages_show_the_same_code():
    """Code is the same in both but for what is asked and the comments."""

    def code(page, language):
        found = re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.S)
        return [re.sub(r'"[^"\n]*[가-힣][^"\n]*"|"Hello[^"\n]*"', '"…"', re.sub(r"#.*|  +#.*", "", block)) for block in found]

    for english, korean in (("docs/callers.md", "docs/callers.ko.md"), ("sdk/python/README.md", "sdk/python/README.ko.md")):
        for language in ("python", "js", "sh"):
            ours, theirs = ([re.sub(r"[ \t]+\n", "\n", block) for block in code(page, language)] for page in (english, korean))
            assert ours == theirs
