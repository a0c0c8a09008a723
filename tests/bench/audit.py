#!/usr/bin/env python3
"""How fast `bellwether audit` reads a log that is all interval lines, beside the grep of the migration guide on the same file, in turn.

    tests/bench/audit.py [--binary build/release/bellwether] [--megabytes 512] [--rounds 5]

Prints a line for each program: the best round in CPU seconds and in seconds, GB/s of CPU time, the largest resident memory."""
import argparse
import os
import pathlib
import random
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXPRESSION = "Input tokens: ([0-9]+).*Output tokens: ([0-9]+)"


def write_log(path, size):
    """V1 lines of 240 bytes, ten seconds apart, for a year; then once more, as another engine's."""
    random.seed(1)
    year = 365 * 24 * 360
    written = number = 0
    with open(path, "w") as file:
        while written < size:
            at = number % year * 10
            day = time.gmtime(1767225600 + at)  # 2026-01-01
            written += file.write(
                f"(APIServer pid={72 + number // year}) INFO {day.tm_mon:02}-{day.tm_mday:02} {day.tm_hour:02}:{day.tm_min:02}:{day.tm_sec:02} [loggers.py:123] "
                f"Engine 000: Avg prompt throughput: {random.uniform(0, 9000):.1f} tokens/s, Avg generation throughput: {random.uniform(0, 900):.1f} tokens/s, "
                f"Running: {random.randrange(40)} reqs, Waiting: 0 reqs, GPU KV cache usage: {random.uniform(0, 99):.1f}%, Prefix cache hit rate: {random.uniform(0, 99):.1f}%\n")
            number += 1
    return written


def run(command):
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"})
    _, _, used = os.wait4(child.pid, 0)
    return used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=ROOT / "build/release/bellwether")
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / "vllm.log"
        size = write_log(log, options.megabytes * 1_000_000)
        programs = {"bellwether audit": [options.binary, "audit", log, "--tz", "UTC", "--json"], "grep -c -E": ["grep", "-c", "-E", EXPRESSION, log]}
        rounds = {name: [] for name in programs}
        for _ in range(options.rounds):
            for name, command in programs.items():
                rounds[name].append(run(command))
        for name, all_rounds in rounds.items():
            cpu, wall = min(one[0] for one in all_rounds), min(one[1] for one in all_rounds)
            print(f"{name:<17} {cpu:6.2f} s CPU {wall:6.2f} s {size / cpu / 1e9:6.2f} GB/s of CPU {max(one[2] for one in all_rounds):6.0f} MB")


if __name__ == "__main__":
    main()
