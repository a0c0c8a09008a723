"""What the documents show is what the program takes."""
import pathlib
import re
import subprocess

import pytest

from conftest import ROOT, run

PAGES = ["README.md", "README.ko.md", "docs/configuration.md"]
BLOCKS = [(page, number, block) for page in PAGES for number, block in enumerate(re.findall(r"```toml\n(.*?)```", (ROOT / page).read_text(), re.S))]


@pytest.mark.parametrize("page, number, block", BLOCKS, ids=[f"{page}-{number}" for page, number, _ in BLOCKS])
def test_a_shown_config_is_valid(tmp_path, page, number, block):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x",
                    "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
    (tmp_path / "bellwether.toml").write_text(block)
    checked = run("check", cwd=tmp_path, env={"DEEPSEEK_API_KEY": "sk-x"})
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("page", [path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]], ids=str)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / page).read_text()):
        assert (ROOT / page).parent.joinpath(target).exists(), target


def test_every_fault_and_metric_is_documented():
    known = run("sim", "--fault", "no-such-fault").stderr
    page = (ROOT / "docs/simulator.md").read_text()
    for fault in re.findall(r"[a-z0-9-]+", re.sub(r"\[:[^]]*\]", "", known.split("there are", 1)[1].split("\n")[0])):
        assert re.search(rf"`{fault}[:`]", page), fault
    source = (ROOT / "src/telemetry/metrics.cc").read_text()
    page = pathlib.Path(ROOT / "docs/operating.md").read_text()
    for metric in set(re.findall(r'"bellwether_([a-z_]+)', source)):
        assert metric in page or metric.removeprefix("upstream_connections") in page, metric


def test_the_labels_of_metrics_are_the_documented_ones(world):
    """Every series of a live page against the table of docs/operating.md."""
    with world.client() as client:
        client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "x"}])
    rows = re.findall(r"^\| (`bellwether_.*?) \| (.*?) \| (.*?) \|$", (ROOT / "docs/operating.md").read_text(), re.M)
    documented = {name: set(re.findall(r"[a-z]+", re.sub(r"\(.*?\)", "", labels))) for names, _, labels in rows for name in re.findall(r"`(bellwether_[a-z_]+)`", names)}
    for line in world.metrics().splitlines():
        series = re.match(r"(bellwether_[a-z_]+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? ", line)
        if not series or series[1] not in documented or series[1] in ("bellwether_reloads_total", "bellwether_build_info"):
            continue
        assert set(re.findall(r'([a-z]+)="', series[2] or "")) - {"le"} == documented[series[1]], line
