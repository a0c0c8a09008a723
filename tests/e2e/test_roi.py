"""`bellwether roi`: the guide's case, what it leaves out, the other verdicts, bad input, and the way from a log to a page."""
import csv
import datetime
import io
import json
import os
import pathlib
import re
import shlex

import pytest

import audit_sample
import vllm_traces as traces
from conftest import ROOT, run

GUIDE = ["--input", "100M", "--output", "50M", "--self-hosted", "500..750", "--price", "0.42"]
ON = ["--on", "2026-11-25", "--lang", "en"]
GOLDEN = pathlib.Path(__file__).parent / "golden"
GPUS = ROOT / "docs/examples/gpus.toml"


def roi(*arguments):
    done = run("roi", *arguments, *ON, "--json")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    told = json.loads(done.stdout)
    assert told["schema"] == "bellwether.roi/1"
    return told


def kinds(told, severity=None):
    return {finding["kind"] for finding in told["findings"] if severity in (None, finding["severity"])}


def scenario(folder, text):
    path = folder / "scenario.toml"
    path.write_text(text)
    return path


def test_the_guides_case_as_it_stands():
    done = run("roi", *GUIDE, "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    [candidate] = told["candidates"]
    assert candidate["monthly_usd"] == "63.00"
    assert candidate["saved_percent"] == {"low": 87.4, "high": 91.6}
    assert (candidate["saved_usd"]["low"], candidate["saved_usd"]["high"]) == ("437.00", "687.00")
    assert told["verdict"] == candidate["verdict"] == "move"
    assert told["self_hosted"]["monthly_usd"] == {"low": "500.00", "high": "750.00"}


def test_what_the_guide_does_not_say_is_said():
    texts = {finding["kind"]: finding["text"] for finding in roi(*GUIDE)["findings"]}
    assert "8 × H200 × 730 h × $2.50 = $14,600 a month" in texts["stated_below_rent"] and "5.1 %" in texts["stated_below_rent"]
    assert "does not fit 8 GPUs of 80 GB (640 GB)" in texts["reference_does_not_fit"]
    assert "94.3–98.9 % idle" in texts["idle"]
    assert "statement" in texts["volume_stated"]


def test_weights_that_do_not_fit_cannot_be(tmp_path):
    path = scenario(tmp_path, 'model = "DeepSeek-V3"\nprecision = "fp8"\n[node]\ngpu = "H100"\ngpus = 8\ntokens_per_second = 3000\n[rent]\nper_gpu_hour = "2.35"\n')
    told = roi("--input", "100M", "--output", "50M", "--scenario", path, "--price", "0.42")
    assert "weights_do_not_fit" in kinds(told, "cannot_be")
    assert told["self_hosted"]["nodes"]["for_weights"] == told["self_hosted"]["nodes"]["counted"] == 2
    assert told["self_hosted"]["monthly_usd"]["low"] == "27448.00"  # 2 × 8 × 730 h × 2.35: what would really be paid.


def test_more_tokens_than_the_node_serves_cannot_be(tmp_path):
    path = scenario(tmp_path, '[node]\ngpu = "H200"\ntokens_per_second = 1000\nutilisation = "50%"\n[rent]\nper_gpu_hour = "2.50"\n')
    told = roi("--input", "3B", "--output", "1B", "--scenario", path, "--price", "0.42")
    assert "too_many_tokens" in kinds(told, "cannot_be")
    assert told["self_hosted"]["nodes"]["for_load"] == 4  # 4e9 ÷ 2,628,000 s = 1,522 a second, 500 a node.


def test_prices_long_unseen_and_ended_are_called_so(tmp_path):
    assert not kinds(roi(*GUIDE[:6], "--candidate", "deepseek/deepseek-flash")) & {"price_unchecked", "price_expired"}
    late = json.loads(run("roi", *GUIDE[:6], "--candidate", "deepseek/deepseek-flash", "--on", "2027-06-01", "--json").stdout)
    assert "price_unchecked" in kinds(late, "doubtful")
    prices = tmp_path / "prices.toml"
    prices.write_text('[[price]]\nprovider = "shop"\nmodel = "old"\nvalid_from = "2025-01-01T00:00:00Z"\nvalid_to = "2026-01-01T00:00:00Z"\ninput = "0.1"\noutput = "0.1"\nsource = "https://shop.example/prices"\nchecked = "2025-12-01"\n')
    told = roi(*GUIDE[:6], "--prices", prices, "--candidate", "shop/old")
    assert "price_expired" in kinds(told, "cannot_be")
    assert told["verdict"] == "undecided"  # Nobody can buy at it.


def test_staying_wins_where_it_is_cheaper(tmp_path):
    """Nodes that are paid for and busy: what would be saved by switching them off is less than the bill."""
    path = scenario(tmp_path, '[node]\ngpu = "H200"\ntokens_per_second = 20000\n[purchase]\nper_node = "336000"\nsunk = true\n[power]\nper_kwh = "0.1305"\n[staff]\nhours = 16\nper_hour = "60"\n')
    told = roi("--input", "20B", "--output", "8B", "--scenario", path, "--price", "api:input=0.28,cached_input=0.028,output=0.42")
    assert told["verdict"] == "stay" and "sunk" in kinds(told)
    assert all(value.startswith("-") for value in told["candidates"][0]["saved_usd"].values())
    said = run("roi", "--input", "20B", "--output", "8B", "--scenario", path, "--price", "api:input=0.28,output=0.42", *ON)
    assert said.stdout.startswith("Stay: the cheapest candidate, api, costs $")


def test_the_way_back_wins_when_volume_passes_the_break_even(tmp_path):
    path = scenario(tmp_path, '[node]\ngpu = "H200"\ntokens_per_second = 20000\n[rent]\nper_gpu_hour = "2.00"\n')
    ask = lambda tokens: roi("--input", str(tokens), "--output", "0", "--scenario", path, "--price", "1.00")
    even = ask(10**9)["candidates"][0]["break_even"]["tokens_per_month"]["value"]
    assert even == 11_680_000_000  # 8 × 730 h × $2 against $1 a million.
    assert ask(even - 10**8)["verdict"] == "move" and ask(even + 10**8)["verdict"] == "stay"


def test_a_verdict_that_does_not_hold_at_both_ends_is_undecided():
    told = roi("--input", "100M", "--output", "50M", "--self-hosted", "50..80", "--price", "0.42")
    assert told["verdict"] == "undecided"
    assert told["candidates"][0]["saved_usd"] == {"low": "-13.00", "value": "2.00", "high": "17.00"}


def test_won_at_a_rate_that_is_given():
    told = roi(*GUIDE, "--krw", "1400@2026-11-01")
    assert told["candidates"][0]["monthly_krw"] == {"low": "88200", "value": "88200", "high": "88200"}
    assert told["self_hosted"]["monthly_krw"]["high"] == "1050000"
    assert told["exchange_rate"] == {"krw_per_usd": "1400.00", "on": "2026-11-01"}
    assert "rate_old" in kinds(roi(*GUIDE, "--krw", "1400@2026-01-01"), "doubtful")
    assert "exchange_rate" not in roi(*GUIDE)


def test_every_figure_is_explained():
    told = roi("--input", "4B", "--cached-input", "1.5B", "--output", "1B", "--scenario", GPUS, "--explain")
    explained = {row["figure"]: row for row in told["explain"]}
    for line in told["self_hosted"]["lines"]:
        assert explained[f"self_hosted.{line['name']}"]["formula"] == line["formula"]
    for candidate in told["candidates"]:
        row = explained[f"candidates.{candidate['name']}.monthly_usd"]
        assert row["formula"] == candidate["formula"] and "checked 2026-" in row["source"]
    # A formula is not a decoration: it gives the figure.
    flash = explained["candidates.deepseek/deepseek-flash.monthly_usd"]["formula"]
    sum_ = re.sub(r" per 1M", "", flash).replace("×", "*").replace("$", "").replace(" %", "/100").replace("B", "*1000")
    assert eval(sum_) == pytest.approx(float(told["candidates"][0]["monthly_usd"]), rel=1e-5)  # noqa: S307 (our own output)
    assert "explain" not in roi(*GUIDE)


def test_a_table_for_spreadsheets_is_no_program():
    done = run("roi", *GUIDE[:6], "--price", "=cmd():input=0.42,output=0.42", *ON, "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert rows[0]["name"] == "self-hosted" and rows[0]["monthly_usd_high"] == "750.00"
    assert rows[1]["name"] == "'=cmd()" and rows[1]["monthly_usd"] == "63.00" and rows[1]["saved_percent_low"] == "87.4" and rows[1]["verdict"] == "move"


BAD = [
    (["--input", "100X", "--output", "1M", "--self-hosted", "5"], 2, "--input takes a number of tokens such as 100M"),
    (["--input", "-5", "--output", "1M", "--self-hosted", "5"], 2, "not '-5'"),
    (["--input", "1M", "--output", "1M"], 2, "what does the own side cost?"),
    (["--input", "1M", "--self-hosted", "5"], 2, "--input and --output go together"),
    (["--self-hosted", "5"], 2, "how many tokens?"),
    (["--input", "1M", "--output", "1M", "--self-hosted", "750..500"], 2, "not '750..500'"),
    (["--input", "1M", "--output", "1M", "--self-hosted", "5", "--scenario", "x"], 2, "Give one of"),
    (["--input", "1M", "--output", "1M", "--cached-input", "2M", "--self-hosted", "5"], 2, "cached tokens are a part of the input"),
    (["--input", "1M", "--output", "1M", "--self-hosted", "5", "--price", "cheap"], 2, "takes USD per million tokens"),
    (["--input", "1M", "--output", "1M", "--self-hosted", "5", "--price", "a:input=1"], 2, "--price 'a:input=1'"),
    (["--input", "1M", "--output", "1M", "--self-hosted", "5", "--candidate", "deepseek/flash"], 2, "there are: deepseek/deepseek-flash"),
    (["--input", "1M", "--output", "1M", "--self-hosted", "5", "--krw", "1400"], 2, "1400@2026-11-01"),
    (["--input", "1M", "--output", "1M", "--self-hosted", "5", "--on", "2026-02-30"], 2, "--on takes a date"),
    (["--input", "1M", "--output", "1M", "--self-hosted", "70 KRW"], 2, "needs a rate"),
    (["--input", "999T", "--output", "999T", "--self-hosted", "5", "--price", "999"], 3, "off by a factor"),
    (["--input", "1M", "--output", "1M", "--scenario", "missing.toml"], 3, "missing.toml: there is no such file"),
    (["--input", "1M", "--output", "1M", "--scenario", "typo.toml"], 3, 'typo.toml:2:1'),
    (["--input", "1M", "--output", "1M", "--scenario", "broken.toml"], 3, "broken.toml:2:"),
    (["--audit", "broken.toml", "--self-hosted", "5"], 3, "this is not JSON: `bellwether audit"),
    (["--audit", "other.json", "--self-hosted", "5"], 3, "not bellwether.audit/1"),
    (["--audit", "empty.json", "--self-hosted", "5"], 3, "the audit counts nothing"),
    (["--audit", "short.json", "--self-hosted", "5"], 3, "the audit makes no monthly figure: the window has 3 days"),
    (["--audit", "short.json", "--input", "1M", "--output", "1M", "--self-hosted", "5"], 2, "not from both"),
]


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    (folder / "typo.toml").write_text('[rent]\nper_gpu_hours = "2"\n')
    (folder / "broken.toml").write_text("[node]\ncount = = 2\n")
    (folder / "other.json").write_text('{"schema": "bellwether.roi/1"}')
    (folder / "empty.json").write_text('{"schema": "bellwether.audit/1"}')
    (folder / "short.json").write_text(json.dumps(audit_sample.sample(days=3, forecast=False)))
    return folder


@pytest.mark.parametrize("arguments, code, said", BAD, ids=[said[:40] for _, _, said in BAD])
def test_bad_input_is_told_with_a_remedy(bad, arguments, code, said):
    done = run("roi", *arguments, cwd=bad)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr


@pytest.mark.parametrize("name, arguments", [("guide", GUIDE), ("scenario", ["--input", "4B", "--cached-input", "1.5B", "--output", "1B", "--scenario", GPUS, "--krw", "1400@2026-11-01"])])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_report_on_a_terminal(name, arguments, language):
    """Golden: UPDATE_GOLDEN=1 writes them anew, to be read before they are committed."""
    done = run("roi", *arguments, "--on", "2026-11-25", "--lang", language)
    assert done.returncode == 0
    path = GOLDEN / f"roi_{name}_{language}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(done.stdout)
    assert done.stdout == path.read_text()


def test_the_environment_names_the_language():
    korean = run("roi", *GUIDE, env={"LC_ALL": "ko_KR.UTF-8"}).stdout
    assert "자체 운영" in korean and "own side" not in korean
    assert "own side" in run("roi", *GUIDE, env={"LC_ALL": "", "LANG": "C"}).stdout


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Twenty days of a vLLM's log, and what was served in them."""
    folder = tmp_path_factory.mktemp("served")
    begin, truth = datetime.datetime(2026, 10, 5), traces.Truth()
    log = folder / "vllm.log"
    log.write_text(traces.plain(traces.engine(begin, datetime.timedelta(days=20), truth)))
    stamp = (begin + datetime.timedelta(days=21)).timestamp()
    os.utime(log, (stamp, stamp))
    return folder, truth


def test_from_a_log_to_a_page_in_two_commands(served):
    folder, truth = served
    audited = run("audit", "vllm.log", "--tz", "Asia/Seoul", "--json", "--html", "audit.html", cwd=folder)
    assert audited.returncode == 0, audited.stderr
    (folder / "audit.json").write_text(audited.stdout)
    done = run("roi", "--audit", "audit.json", "--scenario", GPUS, "--html", "roi.html", "--json", "--explain", *ON, cwd=folder)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    # The month that is priced is the one that was served, half as long again.
    for quantity, served_tokens in (("input_tokens", truth.input), ("output_tokens", truth.output)):
        assert told["volume"][quantity]["value"] == pytest.approx(served_tokens * 30 / 20, rel=0.06)
        assert told["volume"][quantity]["low"] <= told["volume"][quantity]["value"] <= told["volume"][quantity]["high"]
    assert told["volume"]["basis"] == "audited" and "volume_stated" not in kinds(told)
    # The hours are known, so the peak hours of a price are the traffic's own: Seoul's 10–13 and 15–19 o'clock on weekdays.
    assert "hours_not_known" not in kinds(told)
    shares = [window["share_percent"] for window in told["candidates"][0]["price"]["windows"]]
    assert 45 < sum(shares) < 75
    # Every figure goes back to the lines.
    explained = {row["figure"]: row for row in told["explain"]}
    assert explained["audit.totals.input_tokens"]["value"].endswith("integrated")
    assert explained["audit.evidence.input_tokens"]["formula"].startswith("engine interval lines") and "vllm.log" in explained["audit.sources"]["source"]
    for page in ("audit.html", "roi.html"):
        text = (folder / page).read_text()
        assert 'class="input"' in text and 'class="cell"' in text and "vllm.log" in text
    assert "<svg" in (folder / "roi.html").read_text()


def test_an_audit_of_a_few_days_makes_no_month(served, tmp_path):
    log = tmp_path / "vllm.log"
    log.write_text(traces.plain(traces.engine(datetime.datetime(2026, 10, 5), datetime.timedelta(days=3), traces.Truth())))
    (tmp_path / "audit.json").write_text(run("audit", log, "--tz", "Asia/Seoul", "--json", "--html", tmp_path / "audit.html").stdout)
    done = run("roi", "--audit", tmp_path / "audit.json", "--self-hosted", "500")
    assert done.returncode == 3 and "makes no monthly figure" in done.stderr
    assert "forecast" not in done.stdout and (tmp_path / "audit.html").exists()


PAGE = (ROOT / "docs/roi.md").read_text()
SHOWN = re.findall(r"```console\n\$ bellwether (roi [^\n]*)\n(.*?)```", PAGE, re.S)


@pytest.mark.parametrize("command, output", SHOWN, ids=[command[:50] for command, _ in SHOWN])
def test_what_docs_show_is_what_comes_out(command, output):
    done = run(*shlex.split(command), cwd=ROOT / "docs/examples", env={"LC_ALL": "C"})
    assert done.returncode == 0, done.stderr
    assert done.stdout == output


def test_docs_tell_every_key_and_finding():
    for key in re.findall(r'(?:take_(?:string|integer|boolean|word|share|price)|amount|needed_amount|factor|take_share|take_price)\((?:section|root|root_table)?,?\s*(?:table, )?"(\w+)"', (ROOT / "src/costing/scenario.cc").read_text()):
        assert re.search(rf"`(\[\[?\w+\]\]? )?{key}`", PAGE), key
    names = (ROOT / "src/costing/finding.cc").read_text().split("to_text(FindingKind kind)")[1]
    for kind in re.findall(r'"(\w+)"', names):
        assert f"`{kind}`" in PAGE, kind
