"""Traces of days that the simulator makes up: an audit of them finds what was served."""
import json

import pytest

from conftest import run

SEOUL = {"TZ": "Asia/Seoul", "LC_ALL": "C"}
QUANTITIES = ("requests", "input_tokens", "cached_input_tokens", "output_tokens")


def history(folder, *arguments, env=SEOUL):
    done = run("sim", "--history", folder, *arguments, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def audit(*sources):
    done = run("audit", *sources, "--tz", "Asia/Seoul", "--json", env=SEOUL)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    folder = tmp_path_factory.mktemp("history") / "vllm"
    return folder, history(folder, "--days", "7", "--until", "2026-11-16")


def test_counted_tokens_of_a_week_are_what_was_served_to_the_token(week):
    folder, served = week
    found = audit(folder)
    for quantity in ("requests", "input_tokens", "output_tokens"):
        figure = found["totals"][quantity]
        # The counters: those whose callers went away are told apart by them.
        expected = served[quantity] - (served["aborted_requests"] if quantity == "requests" else 0)
        assert (figure["value"], figure["basis"]) == (expected, "counted"), quantity
    assert found["totals"]["cached_input_tokens"]["value"] == served["cached_input_tokens"]
    assert found["aborted_requests"] == served["aborted_requests"] > 0
    by_day = {row["day"]: row for row in found["by_day"]}
    for day in served["by_day"]:
        assert by_day[day["day"]]["input_tokens"]["value"] == day["input_tokens"], day["day"]
        assert by_day[day["day"]]["output_tokens"]["value"] == day["output_tokens"], day["day"]
    assert found["forecast"]["given"] and not found["disagreements"]


def test_integrated_tokens_of_a_week_hold_what_was_served_within_their_bounds(week):
    folder, served = week
    found = audit(*sorted(folder.glob("vllm.log*")))
    assert found["totals"]["requests"]["value"] == served["requests"]
    assert found["failed_requests"] == served["failed_requests"] > 0
    for quantity in ("input_tokens", "output_tokens"):
        figure = found["totals"][quantity]
        assert figure["basis"] == "integrated"
        assert figure["low"] <= served[quantity] <= figure["high"], quantity
        assert figure["high"] - figure["low"] < 0.03 * served[quantity], quantity
        for day in served["by_day"]:
            row = next(row for row in found["by_day"] if row["day"] == day["day"])
            assert row[quantity]["low"] <= day[quantity] <= row[quantity]["high"], (quantity, day["day"])
            assert row["requests"]["value"] == day["requests"], day["day"]
    assert sum(day[quantity] for day in served["by_day"]) == served[quantity]


def test_the_same_seed_makes_the_same_past_and_another_makes_another(tmp_path):
    first = history(tmp_path / "a", "--days", "1", "--until", "2026-11-17")
    again = history(tmp_path / "b", "--days", "1", "--until", "2026-11-17")
    other = history(tmp_path / "c", "--days", "1", "--until", "2026-11-17", "--seed", "7")
    assert first == again != other
    assert (tmp_path / "a/vllm.log").read_bytes() == (tmp_path / "b/vllm.log").read_bytes() != (tmp_path / "c/vllm.log").read_bytes()


def test_days_of_23_and_25_hours(tmp_path):
    """Clocks in Berlin went forward on 29 March 2026 and back on 25 October."""
    for until, hours in (("2026-03-30", 23), ("2026-10-26", 25)):
        history(tmp_path / until, "--days", "1", "--until", until, env={"TZ": "Europe/Berlin"})
        assert (tmp_path / until / "vllm.log").read_text().count("GET /health") == hours * 60


@pytest.mark.parametrize("arguments, message", [(("--until", "2026-02-30"), "2026-02-30"), (("--until", "yesterday"), "yesterday"), (("--days", "0"), "--days"),
                                                (("--flavor", "deepseek"), "--flavor deepseek")])
def test_what_cannot_be_is_said(tmp_path, arguments, message):
    done = run("sim", "--history", tmp_path / "x", *arguments)
    assert done.returncode == 2 and message in done.stderr


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "vllm.log").write_text("mine")
    done = run("sim", "--history", tmp_path)
    assert done.returncode == 1 and "must be a folder that is empty" in done.stderr
    assert (tmp_path / "vllm.log").read_text() == "mine"
