#!/usr/bin/env python3
"""The side-by-side run: direct, nginx, HAProxy, Portkey's gateway and Bellwether, in one run on this machine.

Rows are measured one right after the other, round after round, so that whatever else the machine does hits all of
them; ratios are taken within a round, and told as median and range over rounds. Nothing here passes or fails by
time: the exit code tells whether every answer that came through Bellwether was whole and right.

Writes build/bench/latest.json (bellwether.bench/1) and build/bench/latest.md. `./dev bench` builds and calls this.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "bench"))
sys.dont_write_bytecode = True
import report  # noqa: E402
import rows as gateways  # noqa: E402

OUT = ROOT / "build" / "bench"
LOAD = gateways.BUILD / "tests/bench/bench_load"

BURST_CHUNKS = 16  # of a streamed answer in the closed loop: written back to back
RATE = 1000  # requests a second of the open loop: the rate that PRODUCT.md promises a latency for
CHUNKS_PER_S = 20
STREAMS_IDLE = (200, 1200)  # memory for a further stream: the difference between these two
ACCESS_LOG_BYTES_MAX = 256 << 20  # emptied between cells above this, or a run would fill the disk


class Plan:
    """How long and how often, for a full run and for a short one."""

    def __init__(self, options):
        quick = options.quick
        self.rounds = options.rounds or (1 if quick else 5)
        self.seconds = options.seconds or (0.4 if quick else 1.5)
        self.warm_up = 0.15 if quick else 0.3
        self.modes = [options.mode] if options.mode else ["pinned", "unpinned"]
        self.concurrency = [1, 32] if quick else [1, 10, 32, 128]
        self.open_seconds = 1.0 if quick else max(3.0, self.seconds)
        self.streams = 200 if quick else 1000
        # A stream lives as long as the ramp, so that streams begin and end evenly through the window.
        self.stream_seconds = 1.5 if quick else 3.0
        self.stream_window = 1.0 if quick else 4.0
        self.memory_rounds = 1 if quick else min(3, self.rounds)

    def estimate_s(self, row_count: int) -> float:
        closed = 2 * len(self.concurrency) * (self.seconds + self.warm_up + 0.05)
        paced = 2 * self.stream_seconds + self.stream_window
        per_round = row_count * (closed + self.open_seconds + 0.5) + min(row_count, 4) * paced
        relay, overload = 4 * self.rounds * (self.seconds + self.warm_up + 0.05), 2 * max(2, self.rounds) * (self.open_seconds + 0.5)
        return len(self.modes) * (self.rounds * per_round + 6) + self.memory_rounds * max(0, row_count - 1) * 8 + relay + overload


class Bench:
    def __init__(self, options, folder: pathlib.Path):
        self.options, self.folder, self.plan = options, folder, Plan(options)
        self.names = [name for name in gateways.NAMES if name in options.only] if options.only else gateways.NAMES
        self.processes = gateways.Processes(folder)
        self.absent: dict[str, str] = {}
        self.cells: dict[tuple, dict] = {}
        self.checks: list[dict] = []
        self.notes: dict[str, object] = {}
        self.relay: dict[str, list[dict]] = {}
        self.overload: dict[str, list[dict]] = {}

    # --- starting and stopping ---

    def start(self, mode: str, names) -> dict[str, gateways.Row]:
        first, second = sorted(os.sched_getaffinity(0))[:2]
        self.proxy_cores, self.load_cores = ({first}, {second}) if mode == "pinned" else (None, None)
        self.upstream, self.upstream_port = gateways.start_upstream(self.processes, self.load_cores)
        running = {}
        for name in names:
            if name == "direct":
                running[name] = gateways.Row("direct", None, self.upstream_port)
            elif name not in self.absent:
                try:
                    running[name] = gateways.STARTERS[name](
                        self.processes, self.folder, self.upstream_port, self.proxy_cores)
                    self.notes |= {f"{name}_patched": True} if running[name].more.get("patched") else {}
                except gateways.Absent as why:
                    self.absent[name] = str(why)
                    print(f"  {name}: absent: {why}", flush=True)
        return running

    def pace(self, chunks: int, interval_us: int) -> None:
        body = json.dumps({"chunks": chunks, "interval_us": interval_us}).encode()
        ask = urllib.request.Request(f"http://127.0.0.1:{self.upstream_port}/bench/pace", body, method="PUT")
        urllib.request.urlopen(ask, timeout=5).read()

    def load(self, row: gateways.Row, kind: str, streamed: bool, **flags) -> dict:
        """One run of the load generator; its JSON."""
        command = [str(LOAD), kind, "--port", str(row.port_streams if streamed else row.port)]
        command += ["--stream"] if streamed else []
        command += ["--key", row.key] if row.key else []
        for header in row.headers:
            command += ["--header", header]
        for flag, value in flags.items():
            command += ["--" + flag.replace("_", "-"), str(value)]
        if row.pids():
            command += ["--watch", ",".join(map(str, row.pids()))]
        command += ["--watch-upstream", str(self.upstream.pid)]
        process = self.processes.start("load", command, self.load_cores, stdout=subprocess.PIPE)
        try:
            text, _ = process.communicate(timeout=180)
        finally:
            self.processes.stop(process)
        if process.returncode != 0:
            raise RuntimeError(f"bench_load ended with {process.returncode}: {' '.join(command)}")
        return json.loads(text)

    # --- measuring ---

    def measure(self, mode, scenario, streamed, connections, row, result) -> None:
        key = (mode, scenario, streamed, connections, row.name)
        cell = self.cells.setdefault(key, {"mode": mode, "scenario": scenario, "streamed": streamed,
                                           "connections": connections, "row": row.name, "rounds": []})
        cell["rounds"].append(result)
        if result["errors"]:
            print(f"    {row.name} {scenario} c={connections}: {result['errors']:.0f} bad answers "
                  f"{result['errors_by_kind']} {result['error_samples']}", flush=True)
        log = row.more.get("access_log")
        if log and log.exists() and log.stat().st_size > ACCESS_LOG_BYTES_MAX:
            os.truncate(log, 0)

    def run_mode(self, mode: str) -> None:
        plan, running = self.plan, self.start(mode, self.names)
        try:
            for number in range(plan.rounds):
                print(f"  {mode}, round {number + 1} of {plan.rounds}", flush=True)
                order = list(running.values())
                order = order[number % len(order):] + order[:number % len(order)]  # nobody is always behind the same
                self.pace(BURST_CHUNKS, 0)
                for streamed in (False, True):
                    for connections in plan.concurrency:
                        for row in order:
                            expect = {"expect_chunks": BURST_CHUNKS} if streamed else {}
                            self.measure(mode, "closed", streamed, connections, row, self.load(
                                row, "closed", streamed, connections=connections, seconds=plan.seconds,
                                warm_up=plan.warm_up, **expect))
                for row in order:
                    self.measure(mode, "open", False, 64, row, self.load(
                        row, "open", False, connections=64, rate=RATE, seconds=plan.open_seconds, warm_up=0.3))
                chunks = int(plan.stream_seconds * CHUNKS_PER_S)
                self.pace(chunks, 1_000_000 // CHUNKS_PER_S)
                for row in order:
                    if row.name == "portkey" and number > 0:
                        continue  # it cannot keep up, and draining what it owes takes long: once is enough
                    self.measure(mode, "paced", True, plan.streams, row, self.load(
                        row, "streams", True, connections=plan.streams, seconds=plan.stream_window,
                        warm_up=plan.stream_seconds, expect_chunks=chunks))
            if "bellwether" in running:
                answered = sum(run["requests_total"] for cell in self.cells.values() for run in cell["rounds"]
                               if cell["row"] == "bellwether" and cell["mode"] == mode and cell["scenario"] != "memory")
                self.check_books(mode, running["bellwether"], int(answered))
        finally:
            self.processes.stop_all()

    def check_books(self, mode: str, row: gateways.Row, answered: int) -> None:
        """Everything was on: what the load generator got is what the metrics counted and the access log wrote."""
        text = urllib.request.urlopen(row.more["admin"] + "/metrics", timeout=10).read().decode()

        def total(name: str, labels: str = "") -> int:
            return int(sum(float(value) for found, value in
                           re.findall(rf"^{name}(\{{[^}}]*\}})? ([0-9.e+]+)$", text, re.M) if labels in found))

        self.checks.append({"mode": mode, "answers_of_load": answered,
                            "requests_of_metrics": total("bellwether_requests_total", 'code="200"'),
                            "access_log_bytes": row.more["access_log"].stat().st_size,
                            "access_log_lines_dropped": total("bellwether_access_log_dropped_total")})

    def run_memory(self) -> None:
        """Memory of fresh processes: under load at 128 connections, and for each further open stream."""
        names = [name for name in self.names if name not in ("direct", *self.absent)]
        for number in range(self.plan.memory_rounds):
            print(f"  memory, round {number + 1} of {self.plan.memory_rounds}", flush=True)
            for name in names:
                if name == "portkey" and number > 0:
                    continue
                try:
                    row = self.start("pinned", [name]).get(name)
                    if not row:
                        continue
                    loaded = self.load(row, "closed", False, connections=128, seconds=0.7, warm_up=0.3)
                    self.pace(4, 1_000_000)  # four chunks, a second apart: all streams are open when it is read
                    few, many = (self.load(row, "streams", True, connections=count, seconds=1.2, warm_up=1.5,
                                           expect_chunks=4) for count in STREAMS_IDLE)
                    opened = many["open_at_end"] - few["open_at_end"]
                    self.measure("pinned", "memory", True, STREAMS_IDLE[1], row, {
                        "errors": loaded["errors"] + few["errors"] + many["errors"],
                        "errors_by_kind": few["errors_by_kind"] | many["errors_by_kind"],
                        "error_samples": few["error_samples"] | many["error_samples"],
                        "requests_total": loaded["requests_total"] + few["requests_total"] + many["requests_total"],
                        "rss_kb_at_128": loaded["rss_kb"], "streams": many["open_at_end"],
                        "kb_per_stream": (many["rss_kb"] - few["rss_kb"]) / opened if opened > 0 else None})
                finally:
                    self.processes.stop_all()

    def run_relay(self) -> None:
        """What the relay's bookkeeping costs a healthy request: against the same gateway with one that decides nothing."""
        rows = self.start("pinned", ["bellwether"])
        try:
            rows["bare"] = gateways.start_bellwether(self.processes, self.folder, self.upstream_port, self.proxy_cores,
                                                     gateways.BUILD / "tests/bench/bench_bare", "bare")
            self.pace(BURST_CHUNKS, 0)
            for number in range(2 * self.plan.rounds):
                order = list(rows.items())
                for name, row in order if number % 2 else reversed(order):
                    self.relay.setdefault(name, []).append(
                        self.load(row, "closed", False, connections=32, seconds=self.plan.seconds, warm_up=self.plan.warm_up))
        finally:
            self.processes.stop_all()

    def run_overload(self) -> None:
        """At ten times what its upstream can do: what those who are let in wait, beside what they wait without the crowd."""
        self.start("pinned", [])
        row = gateways.start_overloaded(self.processes, self.folder, self.proxy_cores, self.load_cores)
        try:
            for _ in range(max(2, self.plan.rounds)):
                for name, rate in (("calm", 0.5), ("crowd", 10)):
                    self.overload.setdefault(name, []).append(self.load(
                        row, "open", False, connections=512, rate=int(rate * gateways.CAPACITY), seconds=self.plan.open_seconds, warm_up=0.5,
                        marker='"finish_reason":"'))
        finally:
            self.processes.stop_all()

    def run(self) -> dict:
        began = time.monotonic()
        print(f"side-by-side run of {', '.join(self.names)}: about {self.plan.estimate_s(len(self.names)) / 60:.0f} min",
              flush=True)
        self.run_memory()
        for mode in self.plan.modes:
            self.run_mode(mode)
        if "bellwether" in self.names and "bellwether" not in self.absent:
            print("  relay; overload", flush=True)
            for measure in (self.run_relay, self.run_overload):
                try:
                    measure()
                except gateways.Absent as why:
                    print(f"  {measure.__name__}: absent: {why}", flush=True)
        return {
            "schema": "bellwether.bench/1",
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "commit": commit(), "machine": machine(), "versions": gateways.versions(self.names),
            "quick": self.options.quick, "rounds": self.plan.rounds, "seconds": self.plan.seconds,
            "streams": self.plan.streams, "chunks_per_s": CHUNKS_PER_S, "rate": RATE,
            "took_s": round(time.monotonic() - began, 1),
            "rows": {name: {"absent": self.absent[name]} if name in self.absent else {} for name in self.names},
            "relay": self.relay, "overload": self.overload, "overloaded_upstream": gateways.OVERLOADED, "notes": self.notes, "checks": self.checks, "cells": list(self.cells.values()),
        }


def commit() -> str:
    return gateways.output_of("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")


def machine() -> dict:
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    told = {"cpu": cpu[1] if cpu else platform.machine(), "cores": os.cpu_count(), "kernel": platform.release(),
            "load_before": round(os.getloadavg()[0], 2)}
    with contextlib.suppress(OSError):
        told["tcp_congestion"] = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    with contextlib.suppress(OSError, KeyError):
        told["system"] = platform.freedesktop_os_release()["PRETTY_NAME"]
    return told


def bad_answers_of_bellwether(result: dict) -> list[str]:
    found = [f"{cell['mode']} {cell['scenario']} c={cell['connections']}: {run['errors_by_kind']}"
             for cell in result["cells"] if cell["row"] == "bellwether" for run in cell["rounds"] if run["errors"]]
    found += [f"relay, {name}: {run['errors_by_kind']}" for name, runs in result.get("relay", {}).items() for run in runs if run["errors"]]
    # Under the crowd most are refused; whoever is not must get a whole answer.
    found += [f"overload, {name}: {run['errors_by_kind']}" for name, runs in result.get("overload", {}).items() for run in runs
              if run["errors"] and (name == "calm" or set(run["errors_by_kind"]) != {"non_2xx"})]
    for check in result["checks"]:
        if check["answers_of_load"] != check["requests_of_metrics"]:
            found.append(f"{check['mode']}: {check['answers_of_load']} answers came, "
                         f"metrics counted {check['requests_of_metrics']}")
    return found


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], epilog="A full run takes about half an hour.")
    parser.add_argument("--quick", action="store_true", help="a short one, about a minute: to see that it runs")
    parser.add_argument("--rounds", type=int, metavar="N", help="interleaved rounds (5; 1 with --quick)")
    parser.add_argument("--seconds", type=float, metavar="S", help="measured window of a closed-loop cell (1.5; 0.4)")
    parser.add_argument("--only", metavar="ROW,ROW", type=lambda text: text.split(","),
                        help=f"some rows of {','.join(gateways.NAMES)}; ratios need nginx")
    parser.add_argument("--mode", choices=["pinned", "unpinned"], help="one of both")
    parser.add_argument("--write-readme", action="store_true",
                        help="put the table between <!-- bench:begin --> and <!-- bench:end --> of both READMEs, and all of them "
                             "into docs/benchmark_results.md")
    parser.add_argument("--from-json", metavar="FILE", type=pathlib.Path,
                        help="measure nothing: tables of an earlier run")
    options = parser.parse_args()
    if options.only and (unknown := set(options.only) - set(gateways.NAMES)):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    if (options.rounds or 1) < 1 or (options.seconds or 1) <= 0:
        parser.error("--rounds and --seconds must be above 0")
    return options


def main() -> int:
    options = arguments()
    if options.from_json:
        result = json.loads(options.from_json.read_text())
    else:
        if not LOAD.exists():
            print("bench: build/release/tests/bench/bench_load is not built; run ./dev build first", file=sys.stderr)
            return 2
        if len(os.sched_getaffinity(0)) < 2:
            print("bench: pinning needs two cores; this machine has one", file=sys.stderr)
            return 2
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the finally below runs
        folder = pathlib.Path(tempfile.mkdtemp(prefix="bellwether-bench-"))
        bench = Bench(options, folder)
        try:
            result = bench.run()
        finally:
            bench.processes.stop_all()
            shutil.rmtree(folder, ignore_errors=True)
        OUT.mkdir(parents=True, exist_ok=True)
        result["summary"] = report.summary(result)
        (OUT / "latest.json").write_text(json.dumps(result, indent=1) + "\n")
    text = report.full(result)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "latest.md").write_text(text)
    print("\n" + text)
    if options.write_readme:
        (ROOT / "docs" / "benchmark_results.md").write_text(text)
        for name, language in (("README.md", "en"), ("README.ko.md", "ko")):
            print(report.splice(ROOT / name, report.short(result, language)))
    bad = bad_answers_of_bellwether(result)
    for line in bad:
        print(f"bench: Bellwether answered wrongly: {line}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
