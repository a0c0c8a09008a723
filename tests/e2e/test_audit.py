"""`bellwether audit` of vLLM's own logs: what was served is known while they are written, and must be found again."""
import datetime
import gzip
import json
import os
import subprocess

import pytest

import vllm_traces as traces
from conftest import BINARY, Simulator, get, run, wait_until

BEGIN = datetime.datetime(2026, 10, 5)  # A Monday.
DAY = datetime.timedelta(days=1)
KST = datetime.timedelta(hours=9)


def write(path, text, written=BEGIN + 30 * DAY):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    stamp = written.replace(tzinfo=datetime.timezone.utc).timestamp()
    os.utime(path, (stamp, stamp))
    return path


def audit(*sources, code=0, tz="Asia/Seoul", more=(), stdin=None):
    done = subprocess.run([BINARY, "audit", *map(str, sources), "--json", "--tz", tz, *more], input=stdin, capture_output=True, text=stdin is None or isinstance(stdin, str), timeout=60)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def bounds(figure, truth):
    """The truth lies within the bounds, and these are no excuse: at most 2 % apart for a day or more."""
    assert figure["low"] <= truth <= figure["high"], (figure, truth)
    assert figure["high"] - figure["low"] <= 0.02 * truth + 200, figure


def check(told, truth, basis="integrated"):
    bounds(told["totals"]["input_tokens"], truth.input)
    bounds(told["totals"]["output_tokens"], truth.output)
    assert told["totals"]["output_tokens"]["basis"] == basis


def week(generation="v1", days=7, **more):
    truth = traces.Truth()
    return truth, list(traces.engine(BEGIN, days * DAY, truth, generation=generation, **more))


@pytest.mark.parametrize("generation, version", [("v1", "0.11.2"), ("v0", "0.6.2")])
def test_a_week_of_interval_lines_is_what_was_served(tmp_path, generation, version):
    truth, lines = week(generation, version=version)
    told = audit(write(tmp_path / "vllm.log", traces.plain(lines)))
    check(told, truth)
    assert told["totals"]["requests"] == {"value": truth.requests, "low": truth.requests, "high": truth.requests, "basis": "counted"}
    days = {row["day"]: row for row in told["by_day"]}
    for day, (requests, tokens_in, tokens_out) in truth.by_day.items():
        bounds(days[day]["input_tokens"], tokens_in)
        bounds(days[day]["output_tokens"], tokens_out)
        assert abs(days[day]["requests"]["value"] - requests) <= 12  # Access lines have no time of their own: the last line's counts.
    assert told["window"]["begin"].startswith("2026-10-05T00:00:") and told["window"]["zone_from"] == "--tz"
    assert told["sources"][0]["versions"] == [version]
    assert told["forecast"]["given"] and told["forecast"]["weak"]  # 7 days: a month, and a weak one.


@pytest.mark.parametrize("days", [20, 340])
def test_a_log_over_new_year_ends_when_it_was_written(tmp_path, days):
    begin, truth = datetime.datetime(2025, 12, 20), traces.Truth()
    lines = [line for part in range(5) for line in traces.engine(begin + part * days // 4 * DAY, DAY, truth, access=False)]
    told = audit(write(tmp_path / "vllm.log", traces.plain(lines), written=begin + (days + 40) * DAY))
    assert told["window"]["begin"].startswith("2025-12-20") and told["window"]["end"][:10] in (str((begin + days * DAY).date()), str((begin + (days + 1) * DAY).date()))
    bounds(told["totals"]["output_tokens"], truth.output)


@pytest.mark.parametrize("wrap", ["docker", "cri", "json_wrapped", "coloured"])
def test_what_wraps_a_line_changes_nothing(tmp_path, wrap):
    truth, lines = week(days=2, access=False)
    text = {"docker": lambda: traces.docker(lines, zone=KST), "cri": lambda: traces.cri(lines, zone=KST),
            "json_wrapped": lambda: traces.json_wrapped(lines, zone=KST), "coloured": lambda: traces.coloured(lines)}[wrap]()
    told = audit(write(tmp_path / "container.log", text))
    check(told, truth)
    assert told["window"]["begin"].startswith("2026-10-05T00:00:")


def test_replicas_and_engines_are_added(tmp_path):
    truth = traces.Truth()
    folder = tmp_path / "logs"
    folder.mkdir()
    for number in range(2):
        engines = [list(traces.engine(BEGIN, DAY, truth, number=pod, seed=10 * number + pod, access=False)) for pod in range(2)]
        write(folder / f"pod-{number}.log", traces.plain(sorted((line for lines in engines for line in lines), key=lambda line: line[0])))
    check(audit(folder), truth)


def test_rotated_files_are_one_log_whatever_their_order_and_packing(tmp_path):
    truth, lines = week(days=3, access=False)
    text = traces.plain(lines).splitlines(keepends=True)
    third = len(text) // 3
    # The parts overlap: copytruncate and a late gzip leave lines in both.
    write(tmp_path / "vllm.log.2.gz", gzip.compress("".join(text[:third + 40]).encode()))
    write(tmp_path / "vllm.log.1", "".join(text[third:2 * third + 40]))
    write(tmp_path / "vllm.log", "".join(text[2 * third:]))
    for sources in ([tmp_path], [tmp_path / "vllm.log", tmp_path / "vllm.log.1", tmp_path / "vllm.log.2.gz"]):
        told = audit(*sources)
        check(told, truth)
        assert sum(source["repeated"] for source in told["sources"]) == 80


@pytest.mark.parametrize("name", ["vllm.{}.log", "vllm.log.{}"])
def test_replicas_whose_names_look_rotated_are_added(tmp_path, name):
    truth = traces.Truth()
    for number in range(2):
        write(tmp_path / name.format(number), traces.plain(list(traces.engine(BEGIN, DAY, truth, seed=number, access=False))))
    told = audit(tmp_path)
    check(told, truth)
    assert [source["repeated"] for source in told["sources"]] == [0, 0]


def test_the_same_file_twice_is_read_once(tmp_path):
    truth, lines = week(days=1, access=False)
    text = traces.plain(lines)
    told = audit(write(tmp_path / "a.log", text), write(tmp_path / "b.log", text), write(tmp_path / "c.log.gz", gzip.compress(text.encode())))
    check(told, truth)
    assert [source["same_as"] is not None for source in told["sources"]].count(True) >= 1


def test_standard_input_is_a_source(tmp_path):
    truth, lines = week(days=1, access=False)
    check(audit("-", stdin=traces.docker(lines, zone=KST)), truth)


def test_log_and_metrics_of_one_engine_are_weighed_and_not_added(tmp_path):
    truth, lines = week(days=1, access=False)
    log = write(tmp_path / "vllm.log", traces.plain(lines))
    page = "# {at}\nvllm:prompt_tokens_total{{model_name=\"deepseek-v3\",engine=\"0\"}} {input}\nvllm:generation_tokens_total{{model_name=\"deepseek-v3\",engine=\"0\"}} {output}\n"
    begin, end = (int((at - KST).replace(tzinfo=datetime.timezone.utc).timestamp()) for at in (BEGIN, BEGIN + DAY))
    pages = "".join(page.format(at=begin + step * (end - begin) // 288, input=truth.input * step // 288, output=truth.output * step // 288) for step in range(289))
    told = audit(log, write(tmp_path / "metrics.prom", pages))
    assert told["totals"]["input_tokens"]["value"] == pytest.approx(truth.input, rel=0.01)
    assert told["totals"]["output_tokens"]["value"] == pytest.approx(truth.output, rel=0.01)


def test_sources_that_disagree_are_told_with_the_likely_reason(tmp_path):
    truth, lines = week(days=1, access=False)
    log = write(tmp_path / "vllm.log", traces.plain(lines))
    counter = "vllm:generation_tokens_total{{model_name=\"deepseek-v3\",engine=\"{engine}\"}} {value}\n"
    begin, end = (int((at - KST).replace(tzinfo=datetime.timezone.utc).timestamp()) for at in (BEGIN, BEGIN + DAY))
    pages = "".join(f"# {begin + step * (end - begin) // 288}\n" + "".join(counter.format(engine=engine, value=truth.output * step // 288) for engine in (0, 1)) for step in range(289))
    told = audit(log, write(tmp_path / "metrics.prom", pages))
    # The log is of one engine of the two that the metrics tell of; the metrics are believed.
    assert told["totals"]["output_tokens"]["value"] == pytest.approx(2 * truth.output, rel=0.001) and told["totals"]["output_tokens"]["basis"] == "counted"
    [one] = [row for row in told["disagreements"] if row["quantity"] == "output_tokens"]
    assert one["used"] == "metrics counters" and one["other"] == "engine interval lines" and one["percent"] == pytest.approx(-50, abs=3)  # The edges are not compared.
    assert "engine" in one["likely"], one


def test_access_lines_before_the_first_stamp_are_of_its_hour(tmp_path):
    access = "INFO:     10.0.0.1:5000 - \"POST /v1/chat/completions HTTP/1.1\" 200 OK\n"
    rates = "INFO 10-05 12:00:{:02} [loggers.py:118] Engine 000: Avg prompt throughput: 1.0 tokens/s, Avg generation throughput: 1.0 tokens/s, Running: 1 reqs, Waiting: 0 reqs\n"
    told = audit(write(tmp_path / "vllm.log", access * 5 + rates.format(10) + access * 2 + rates.format(20)))
    assert told["totals"]["requests"]["value"] == 7 == sum(row["requests"]["value"] for row in told["by_hour"])
    assert told["untimed"]["requests"]["value"] == 0


def test_a_gap_is_idleness_in_v1_and_missing_data_in_v0(tmp_path):
    def pause(at):
        return 0.0 if at.hour in (3, 4, 5) else 1.0
    for generation, version in (("v1", "0.11.2"), ("v0", "0.6.2")):
        truth, lines = week(generation, days=1, access=False, busy=pause, version=version)
        if generation == "v0":  # The file lost these hours; V0 would have printed zeros.
            lines = [line for line in lines if line[0].hour not in (3, 4, 5)]
        told = audit(write(tmp_path / f"{generation}.log", traces.plain(lines)))
        total = told["totals"]["output_tokens"]
        assert total["value"] == pytest.approx(truth.output, rel=0.01)
        if generation == "v0":
            assert told["coverage"]["missing_seconds"] >= 3 * 3600 - 60
            assert total["high"] > 1.08 * truth.output  # Three of 21 hours may have been as busy as the rest.
        else:
            assert told["coverage"]["missing_seconds"] < 60 and told["coverage"]["share"] > 0.99
            assert total["high"] <= 1.02 * truth.output


def test_the_guides_own_lines_are_counted(tmp_path):
    text = "".join(f"2026-10-05 12:00:{n % 60:02} INFO Input tokens: {n} and so on, Output tokens: {2 * n}\n" for n in range(1, 101))
    told = audit(write(tmp_path / "guide.log", text))
    assert [told["totals"][name]["value"] for name in ("requests", "input_tokens", "output_tokens")] == [100, 5050, 10100]
    assert told["totals"]["input_tokens"]["basis"] == "counted"


def test_days_are_those_of_the_zone(tmp_path):
    truth, lines = week(days=2, access=False)
    log = write(tmp_path / "vllm.log", traces.docker(lines, zone=KST))
    assert {row["day"] for row in audit(log, tz="Asia/Seoul")["by_day"]} == {"2026-10-05", "2026-10-06"}
    assert {row["day"] for row in audit(log, tz="UTC")["by_day"]} == {"2026-10-04", "2026-10-05", "2026-10-06"}


def test_the_day_that_clocks_are_set_back_has_25_hours(tmp_path):
    # 2026-10-25 in Berlin; one request's worth every ten minutes of 25 hours, stamped by a container runtime in UTC.
    begin = datetime.datetime(2026, 10, 24, 22)
    lines = [(begin + n * datetime.timedelta(minutes=10) + datetime.timedelta(seconds=5), "INFO Input tokens: 7 Output tokens: 1") for n in range(150)]
    told = audit(write(tmp_path / "berlin.log", traces.docker(lines)), tz="Europe/Berlin")
    assert [(row["day"], row["requests"]["value"]) for row in told["by_day"]] == [("2026-10-25", 150)]
    assert sum(row["requests"]["value"] for row in told["by_hour"]) == 150


def test_noise_is_skipped_counted_and_never_fatal(tmp_path):
    truth, lines = week(days=1, access=False)
    text = traces.plain(lines).splitlines(keepends=True)
    noise = [b"\x00\xff\xfe" * 50 + b"\n", b"x" * 10_000_000 + b"\n", "한글 로그 줄\n".encode("cp949"), b"INFO 10-05 12:00:00 [loggers.py:123] Engine 000: Avg prompt throughput: -5.0 tokens/s, Avg generation throughput: nan tokens/s, Running: 1 reqs\n",
             b"INFO 99-99 99:99:99 [loggers.py:123] Engine 000: Avg prompt throughput: 5.0 tokens/s, Avg generation throughput: 5.0 tokens/s, Running: 1 reqs, Waiting: 0 reqs\n",
             b"Avg prompt throughput: 99999999999999999999999 tokens/s, Avg generation throughput: 1.0 tokens/s, Running: 1 reqs, Waiting: 0 reqs\n"]
    place = len(text) // 2
    told = audit(write(tmp_path / "noisy.log", "".join(text[:place]).encode() + b"".join(noise) + "".join(text[place:]).encode()))
    check(told, truth)
    skipped = {row["why"]: row["count"] for row in told["sources"][0]["skipped"]}
    assert skipped["too_long"] == 1 and skipped["impossible_value"] + skipped.get("malformed", 0) >= 2, skipped


def test_a_clock_that_is_set_back_stops_nothing(tmp_path):
    truth, lines = week(days=1, access=False)
    # Whoever sets a clock back does not stop the traffic: what comes then is counted, by the lines' own distances.
    told = audit(write(tmp_path / "jump.log", traces.plain(lines[:4000] + lines[3000:])))
    assert truth.output <= told["totals"]["output_tokens"]["value"] <= 1.3 * truth.output


def test_what_is_no_log_is_told_so(tmp_path):
    for name, content in (("empty.log", b""), ("noise.bin", os.urandom(100_000)), ("text.log", b"hello world\n" * 1000), ("table.csv", b"a,b,c\n1,2,3\n")):
        done = run("audit", write(tmp_path / name, content), "--tz", "UTC")
        assert done.returncode == 3, (name, done.stdout, done.stderr)
        assert name in done.stderr and "looks like" in done.stderr, (name, done.stderr)
    assert run("audit", tmp_path / "not-there.log").returncode == 3
    assert run("audit", write(tmp_path / "text.log", b"hello\n"), "--tz", "Nowhere/Land").returncode == 2


def test_a_part_that_cannot_be_read_is_told_and_the_rest_is_counted(tmp_path):
    truth, lines = week(days=1, access=False)
    cut = gzip.compress(traces.plain(lines).encode())
    told = audit(write(tmp_path / "good.log", traces.plain(lines)), write(tmp_path / "cut.log.gz", cut[:len(cut) // 2]), tmp_path / "missing.log", code=6)
    assert any(source["trouble"] for source in told["sources"])
    assert told["totals"]["output_tokens"]["value"] >= 0.98 * truth.output


def test_less_than_a_week_is_no_month(tmp_path):
    truth, lines = week(days=3, access=False)
    told = audit(write(tmp_path / "vllm.log", traces.plain(lines)))
    assert not told["forecast"]["given"] and "7" in told["forecast"]["refused"] and told["forecast"]["monthly"] == []
    truth, lines = week(days=21, access=False)
    told = audit(write(tmp_path / "three-weeks.log", traces.plain(lines)))
    scenarios = {(row["scenario"], row["quantity"]): row for row in told["forecast"]["monthly"]}
    assert told["forecast"]["given"] and not told["forecast"]["weak"]
    # The thirty days that follow, from a Monday on: 22 weekdays and 8 days of weekends.
    weekend = [row[2] for day, row in truth.by_day.items() if datetime.date.fromisoformat(day).weekday() >= 5]
    working = [row[2] for day, row in truth.by_day.items() if datetime.date.fromisoformat(day).weekday() < 5]
    expected = 22 * sum(working) / len(working) + 8 * sum(weekend) / len(weekend)
    for scenario in ("flat", "trend"):
        row = scenarios[scenario, "output_tokens"]
        assert row["low"] <= expected <= row["high"], (scenario, row, expected)


def test_what_the_simulator_served_is_what_its_log_says(tmp_path):
    """The simulator prints vLLM's own lines: the audit of them must be what it says that it served."""
    sim = Simulator(tmp_path, "--access-log", "--stats-interval", "1s")
    log = tmp_path / "sim.out"
    try:
        body = json.dumps({"model": "deepseek-ai/DeepSeek-V3", "messages": [{"role": "user", "content": "word " * 50}]})
        used = [json.loads(get(sim.url + "/v1/chat/completions", "POST", body, {"content-type": "application/json"})[2])["usage"] for _ in range(60)]
        get(sim.url + "/health")
        wait_until(lambda: log.read_text(errors="replace").count("Avg prompt throughput") >= 2)
    finally:
        sim.stop()
    told = audit(log, tz="UTC")
    assert told["totals"]["requests"]["value"] == 60 and told["totals"]["requests"]["basis"] == "counted"
    assert told["excluded_requests"] == 1
    for name, key in (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens")):
        truth = sum(one[key] for one in used)
        # Stamps are whole seconds and so is the interval: the bounds are wide, and the truth is in them.
        assert told["totals"][name]["low"] <= truth <= told["totals"][name]["high"], (name, told["totals"][name], truth)


def test_the_table_says_the_same_as_the_json(tmp_path):
    truth, lines = week(days=8)
    log = write(tmp_path / "vllm.log", traces.plain(lines))
    text = run("audit", log, "--tz", "Asia/Seoul").stdout
    assert f"{truth.requests:,}" in text and "integrated" in text and "2026-10-05" in text
    rows = run("audit", log, "--tz", "Asia/Seoul", "--csv").stdout.splitlines()
    assert rows[0].startswith("period") or "," in rows[0]
    assert sum(row.startswith("day,") for row in rows) >= 8
