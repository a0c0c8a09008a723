"""Logs as vLLM writes them, made from traffic that is known: what an audit should find is counted while they are written.

The lines follow the formats of vllm 0.6 (V0, metrics.py) and 0.11 (V1, loggers.py); see docs/audit.md.
"""
import dataclasses
import datetime
import json
import random

ZERO = datetime.timedelta(0)
TICK = datetime.timedelta(seconds=10)


@dataclasses.dataclass
class Truth:
    requests: int = 0
    failed: int = 0
    input: int = 0
    output: int = 0
    by_day: dict = dataclasses.field(default_factory=dict)

    def add(self, day, requests, tokens_in, tokens_out):
        self.requests += requests
        self.input += tokens_in
        self.output += tokens_out
        row = self.by_day.setdefault(day, [0, 0, 0])
        for place, amount in enumerate((requests, tokens_in, tokens_out)):
            row[place] += amount


def business(at: datetime.datetime) -> float:
    """How busy a weekday's hour is, between 0 and 1: quiet at night and at the weekend."""
    hour = 1.0 if 9 <= at.hour < 18 else 0.25 if 7 <= at.hour < 23 else 0.0
    return hour * (1.0 if at.weekday() < 5 else 0.3)


def engine(begin, length, truth, *, generation="v1", number=0, seed=1, busy=business, access=True, version="0.11.2", model="deepseek-v3", peak=6):
    """Yields (time, line) of one engine, times local and the lines without them where vLLM has them inside."""
    random_ = random.Random(seed)
    pid = 70 + number
    name = f"(APIServer pid={pid}) " if generation == "v1" else ""
    if version:
        yield begin, f"{name}INFO {begin:%m-%d %H:%M:%S} [api_server.py:1839] vLLM API server version {version}"
    silent = False
    at = begin
    while at < begin + length:
        at += TICK
        requests = sum(random_.random() < busy(at) for _ in range(peak))
        tokens_in = sum(random_.randint(20, 3000) for _ in range(requests))
        tokens_out = sum(random_.randint(1, 400) for _ in range(requests))
        truth.add((at - datetime.timedelta(microseconds=1)).date().isoformat(), requests, tokens_in, tokens_out)
        if access:
            for _ in range(requests):
                yield at, 'INFO:     10.0.0.7:51234 - "POST /v1/chat/completions HTTP/1.1" 200 OK'
        idle = requests == 0
        rates = f"Avg prompt throughput: {tokens_in / 10:.1f} tokens/s, Avg generation throughput: {tokens_out / 10:.1f} tokens/s, Running: {requests} reqs, "
        if generation == "v0":
            yield at, (f"INFO {at:%m-%d %H:%M:%S} metrics.py:455] {rates}Swapped: 0 reqs, Pending: 0 reqs, GPU KV cache usage: 0.4%, CPU KV cache usage: 0.0%.")
        elif not (idle and silent):  # V1 says nothing once this and the last interval were idle.
            yield at, (f"{name}INFO {at:%m-%d %H:%M:%S} [loggers.py:123] Engine {number:03}: {rates}Waiting: 0 reqs, GPU KV cache usage: 1.2%, Prefix cache hit rate: 0.0%")
        silent = idle


def plain(lines):
    return "".join(line + "\n" for _, line in lines)


def docker(lines, offset="Z", zone=ZERO):
    return "".join(f"{at - zone:%Y-%m-%dT%H:%M:%S}.123456789{offset} {line}\n" for at, line in lines)


def cri(lines, zone=ZERO):
    return "".join(f"{at - zone:%Y-%m-%dT%H:%M:%S}.123456789Z stdout F {line}\n" for at, line in lines)


def json_wrapped(lines, zone=ZERO):
    return "".join(json.dumps({"log": line + "\n", "stream": "stdout", "time": f"{at - zone:%Y-%m-%dT%H:%M:%S}.123456789Z"}) + "\n" for at, line in lines)


def coloured(lines):
    return "".join(f"\x1b[36m{line.split(' ', 1)[0]}\x1b[0m {line.split(' ', 1)[1]}\n" for _, line in lines)
