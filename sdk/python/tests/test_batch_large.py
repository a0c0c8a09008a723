"""The size of the promise: ten thousand items at 256 in flight (a hundred thousand with BELLWETHER_LONG=1), memory flat, order exact, and
no more file descriptors than there are."""

import asyncio
import math
import os
import resource
import subprocess
import sys

import pytest
from conftest import VLLM, processes

# Independent of the openai package beneath: once is enough.
pytestmark = pytest.mark.large

ITEMS = 100_000 if os.environ.get("BELLWETHER_LONG") else 10_000
# The number of an item is told by how long its question is (times this) and how long its answer may be: the usage of an answer says whose it is.
# Mixed first, so that later items are no longer than early ones and memory can be compared.
SIDE = math.isqrt(ITEMS) + 1

COMMON = """
import asyncio, os, sys, time
import holysheep

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

def open_files():
    return len(os.listdir("/proc/self/fd"))

url, key, items, side, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]

MIX = 7919  # a prime, and so no divisor of side
UNMIX = pow(MIX, -1, side * side)

def task(number):
    mixed = number * MIX % (side * side)
    question = "baa," * (1 + mixed // side)  # four bytes are a token to the simulator
    return {"model": "counting", "messages": [{"role": "user", "content": question}], "max_tokens": 1 + mixed % side}

shortest = 0  # the tokens of item 0's question, with what surrounds it

async def learn(client):
    global shortest
    shortest = (await client.chat.completions.create(**task(0))).usage.prompt_tokens

def number_of(result):
    mixed = (result.usage.prompt_tokens - shortest) * side + result.usage.completion_tokens - 1
    return mixed * UNMIX % (side * side)
"""


def run_child(text, *arguments, **more):
    """In a process of its own: its memory and its limits are nobody else's."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", COMMON + text, *map(str, arguments)], capture_output=True, text=True, timeout=3000, **more)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(line.split("=") for line in done.stdout.split())


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """A gateway before an upstream that takes a while, so that 256 really are in flight."""
    folder = tmp_path_factory.mktemp("slow")
    sim = processes.Simulator(folder, "--flavor", "vllm", "--tokens", SIDE, "--ttft", "600ms", "--no-record")
    text = processes.config_for(folder, {"vllm": ("vllm", sim.url)}, [("counting", f'[{{ upstream = "vllm", model = "{VLLM}" }}]')])
    gateway = processes.Gateway(folder, text)
    yield gateway
    gateway.stop()
    sim.stop()


ITERATE = """
async def main():
    async with holysheep.HolySheepClient(base_url=url, api_key=key) as client:
        await learn(client)
        seen, most, early, late = 0, 0, 0.0, 0.0
        tasks = (client.chat.completions.create(**task(number)) for number in range(items))
        async for result in client.batch.chat.completions.iterate(tasks, concurrency=256):
            assert number_of(result) == seen, (number_of(result), seen)
            seen += 1
            if seen % 50 == 0:
                most = max(most, open_files())
            if seen == items // 5:
                early = resident_mb()
            if seen > items // 5 and seen % 100 == 0:
                late = max(late, resident_mb())
        print(f"seen={seen} most={most} grown={late - early:.1f} files={open_files()} tasks={len(asyncio.all_tasks())}")

asyncio.run(main())
"""


def test_iterated_memory_is_flat_and_256_are_in_flight(slow, tmp_path):
    told = run_child(ITERATE, slow.url, slow.key, ITEMS, SIDE, tmp_path)
    assert told["seen"] == str(ITEMS) and told["tasks"] == "1"
    assert 256 <= int(told["most"]) < 256 + 60, "a connection for each in flight, and no more"
    assert float(told["grown"]) < 8, told


RESUMED = """
async def main():
    async with holysheep.HolySheepClient(base_url=url, api_key=key) as client:
        await learn(client)
        marks = {}
        def told(progress):
            if progress.done in (items // 5, items):
                marks[progress.done] = resident_mb()
        async def tasks():
            for number in range(items):
                yield client.chat.completions.create(**task(number))
        results = await client.batch.chat.completions.create(tasks(), concurrency=256, resume=folder + "/batch.jsonl", on_progress=told)
        in_order = all(number_of(result) == number for number, result in enumerate(results))
        ids = len({result.id for result in results})
        print(f"length={len(results)} order={in_order} ids={ids} grown={marks[items] - marks[items // 5]:.1f}")

asyncio.run(main())
"""


def test_kept_in_a_file_memory_is_flat_too_and_the_order_is_exact(slow, tmp_path):
    told = run_child(RESUMED, slow.url, slow.key, ITEMS, SIDE, tmp_path)
    assert told["length"] == told["ids"] == str(ITEMS) and told["order"] == "True"
    assert float(told["grown"]) < 8 + ITEMS * 8 / 1e6, told
    assert len((tmp_path / "batch.jsonl").read_bytes().splitlines()) == ITEMS + 1


CROWD = """
async def main():
    async with holysheep.HolySheepClient(base_url=url, api_key=key, max_retries=0, timeout=300) as client:
        await learn(client)
        before = open_files()
        results = await client.batch.chat.completions.create([task(number) for number in range(items)], concurrency=10_000)
        most = open_files()
        assert [number_of(result) for result in results] == list(range(items))
        print(f"length={len(results)} most={most} before={before} connections={client.connections}")
    await asyncio.sleep(0)
    print(f"after={open_files()}")

asyncio.run(main())
"""

GATHERED = """
async def main():
    async with holysheep.HolySheepClient(base_url=url, api_key=key, max_retries=0, timeout=300) as client:
        await learn(client)
        before = open_files()
        results = await asyncio.gather(*(client.chat.completions.create(**task(number)) for number in range(items)))
        assert [number_of(result) for result in results] == list(range(items))
        print(f"length={len(results)} most={open_files()} before={before} connections={client.connections}")
    await asyncio.sleep(0)
    print(f"after={open_files()}")

asyncio.run(main())
"""


@pytest.mark.parametrize("text, items", [(CROWD, 10_000), (GATHERED, 2_000)], ids=["batch", "gather"])
def test_ten_thousand_at_once_with_1024_file_descriptors(slow, tmp_path, text, items):
    """Neither a hang nor EMFILE: a client holds half of what the process may open, and the rest wait their turn."""

    assert items <= SIDE**2

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))

    told = run_child(text, slow.url, slow.key, items, SIDE, tmp_path, preexec_fn=few)
    assert told["length"] == str(items) and told["connections"] == "512" and int(told["most"]) < 1024
    assert int(told["after"]) <= int(told["before"]) + 1, "nothing leaks"


def test_nobody_there_fails_a_thousand_times_and_does_not_hang(gateway):
    import holysheep

    async def main():
        async with holysheep.HolySheepClient(api_key=gateway.key, base_url="http://127.0.0.1:1/v1", max_retries=0) as client:
            tasks = ({"model": "chat", "messages": [{"role": "user", "content": str(number)}]} for number in range(1000))
            results = await client.batch.chat.completions.create(tasks, concurrency=100, on_error="return")
            assert len(results.errors) == 1000

    asyncio.run(main())
