"""Many calls at once: order, bounds, 429s, failures, cancellation, resuming."""

import asyncio
import contextlib
import io
import itertools
import json
import signal
import subprocess
import sys
import threading
import time

import openai
import pytest
from conftest import COMPLETION, MESSAGES, VLLM, Canned, complete, processes

import holysheep
from holysheep.batch.progress import Bar, Progress
from holysheep.batch.record import Record, task_digest


def ask(number, model="chat"):
    return {"model": model, "messages": [{"role": "user", "content": f"item {number}"}]}


def contents(results):
    return [result.choices[0].message.content for result in results]


def run(main):
    """Runs it, and sees that no task is left behind."""

    async def watched():
        result = await main()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    return asyncio.run(watched())


def server_client(server, **more):
    return holysheep.HolySheepClient(**{"api_key": "none", "key_check": "off", "base_url": server.base_url, "max_retries": 0, **more})


def test_un_awaited_calls_come_back_in_their_order(asynchronous, client):
    async def main():
        async with asynchronous() as holy:
            tasks = [holy.chat.completions.create(**ask(number)) for number in range(40)]
            results = await holy.batch.chat.completions.create(tasks, concurrency=8)
            assert await tasks[3] is results[3], "a call that the batch has sent is not sent again"
            return contents(results)

    assert run(main) == [client.chat.completions.create(**ask(number)).choices[0].message.content for number in range(40)]


def test_mappings_iterators_and_asynchronous_iterators_are_tasks_too(asynchronous):
    async def slowly():
        for number in range(20):
            if number % 7 == 0:
                await asyncio.sleep(0.01)
            yield ask(number)

    async def main():
        async with asynchronous() as client:
            create = client.batch.chat.completions.create
            first = contents(await create([ask(number) for number in range(20)]))
            assert first == contents(await create(ask(number) for number in range(20))) == contents(await create(slowly(), concurrency=3))
            assert first == contents([result async for result in client.batch.chat.completions.iterate(slowly(), concurrency=2)])
            assert len(await create([])) == 0 and len(await create(iter([]))) == 0

    run(main)


def test_the_synchronous_twin(client, gateway):
    results = client.batch.chat.completions.create([ask(number) for number in range(10)], concurrency=4)
    assert contents(results[2:4]) == [client.chat.completions.create(**ask(number)).choices[0].message.content for number in (2, 3)]

    async def within_a_loop():
        with pytest.raises(holysheep.EventLoopError, match="HolySheepClient"):
            client.batch.chat.completions.create([ask(0)])

    asyncio.run(within_a_loop())


def test_a_call_that_is_in_the_list_twice_is_sent_once(asynchronous, sim):
    async def main():
        async with asynchronous() as client:
            call = client.chat.completions.create(**ask("double"))
            first, second = await client.batch.chat.completions.create([call, call])
            assert first is second

    run(main)
    assert sum("item double" in request["body"] for request in sim.requests()) == 1


def test_concurrency_is_a_bound(asynchronous):
    """Counted where it matters: by the server."""
    now, most = [0], [0]
    lock = threading.Lock()

    def slowly(method, path, number):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        with lock:
            now[0] -= 1
        return complete(method, path, number)

    async def main(server):
        async with server_client(server) as client:
            await client.batch.chat.completions.create((ask(number) for number in range(60)), concurrency=5)
        async with server_client(server, connections=3) as client:
            await client.batch.chat.completions.create((ask(number) for number in range(30)), concurrency=50)

    with Canned(slowly) as server:
        run(lambda: main(server))
    assert 2 <= most[0] <= 5 and len(server.asked) == 90


def test_requests_per_minute_is_a_bound(sim):
    """The upstream's own clock: no two requests come closer than the pace, but for what the way there takes away."""

    async def main():
        async with server_client(sim) as client:
            await client.batch.chat.completions.create([ask(number, VLLM) for number in range(8)], requests_per_minute=600, concurrency=8)

    sim.forget()
    run(main)
    came = sorted(request["at_ms"] for request in sim.requests())
    assert len(came) == 8 and came[-1] - came[0] >= 7 * 100 - 50


def refusing(refusals, retry_after):
    """The first so many are refused, when all of them are there."""
    there = threading.Barrier(refusals)

    def answer(method, path, number):
        came.append(time.monotonic())
        if number < refusals:
            there.wait(processes.PATIENCE)
            return 429, retry_after, b'{"error":{"message":"Rate limit exceeded","type":"x","code":"rate_limit_exceeded"}}'
        return complete(method, path, number)

    came = []
    return answer, came


def test_a_429_stops_all_of_them_for_as_long_as_it_asks_and_each_item_is_answered():
    answer, came = refusing(1, {"retry-after-ms": "600"})

    async def main(server):
        async with server_client(server) as client:
            results = await client.batch.chat.completions.create((ask(number) for number in range(20)), concurrency=1)
            assert contents(results) == ["hi"] * 20

    with Canned(answer) as server:
        run(lambda: main(server))
    assert len(came) == 21, "one refusal, one repetition"
    assert came[1] - came[0] >= 0.6, "nobody was sent while the wait ran"


def test_many_429s_at_once_are_one_wait():
    """Sixteen in flight are refused together: they wait once, and come back more slowly than they went."""
    answer, came = refusing(16, {"retry-after": "1"})

    async def main(server):
        async with server_client(server) as client:
            seen = []
            results = await client.batch.chat.completions.create([ask(number) for number in range(32)], concurrency=16, on_progress=seen.append)
            assert contents(results) == ["hi"] * 32 and seen[-1].done == 32 and seen[-1].failed == 0

    with Canned(answer) as server:
        run(lambda: main(server))
    gaps = [later - earlier for earlier, later in itertools.pairwise(came)]
    assert len(came) == 48 and sum(gap > 0.5 for gap in gaps) == 1


def test_a_429_that_says_it_is_in_vain_is_the_items_result():
    def never(method, path, number):
        return 429, {"x-should-retry": "false"}, b'{"error":{"message":"no credit","type":"x","code":"insufficient_quota"}}'

    async def main(server):
        async with server_client(server) as client:
            results = await client.batch.chat.completions.create([ask(0)], on_error="return")
            assert isinstance(results[0], openai.RateLimitError)

    with Canned(never) as server:
        run(lambda: main(server))
    assert len(server.asked) == 1


def test_the_sdks_own_retries_do_not_multiply(sim):
    """max_retries counts for an item as it does for a call: three requests in all, one key."""

    async def main():
        async with server_client(sim, max_retries=2) as client:
            results = await client.batch.chat.completions.create([ask(0, "fault-500#batch")], on_error="return")
            assert isinstance(results[0], openai.InternalServerError)

    sim.forget()
    run(main)
    sent = [request["headers"]["idempotency-key"] for request in sim.requests()]
    assert len(sent) == 3 and len(set(sent)) == 1


def test_failures_are_returned_or_raised_at_the_end_as_asked(asynchronous):
    mixed = [ask(0), ask(1, "fault/422"), ask(2), ask(3, "nobody"), ask(4, "fault/500")]

    async def main():
        async with asynchronous() as client:
            results = await client.batch.chat.completions.create(mixed, on_error="return")
            kinds = [type(result) for result in results]
            assert kinds[1::2] == [openai.BadRequestError] * 2 and kinds[4] is openai.InternalServerError and results.errors.keys() == {1, 3, 4}
            with pytest.raises(holysheep.BatchError, match="3 of 5") as caught:
                await client.batch.chat.completions.create(mixed)
            assert caught.value.errors.keys() == {1, 3, 4} and caught.value.results[2].choices and "item 1" in str(caught.value)
            assert [type(result) for result in [item async for item in client.batch.chat.completions.iterate(mixed)]] == kinds

    run(main)


async def _coroutine():
    pass


@pytest.mark.parametrize(
    "tasks, says",
    [
        ([ask(0), "words"], "Task 1 is a str"),
        ([ask(0), {**ask(1), "stream": True}], "Task 1 asks for a stream"),
        ([{"messages": []}], "has no 'model'"),
        ([None], "Task 0 is a NoneType"),
        (ask(0), "one dict"),
        ("words", "one str"),
    ],
)
def test_what_is_no_task_is_refused_before_anything_is_sent(asynchronous, sim, tasks, says):
    async def main():
        async with asynchronous() as client:
            with pytest.raises(holysheep.TaskError, match=says):
                await client.batch.chat.completions.create(tasks)
            with pytest.raises(holysheep.TaskError, match="coroutine"):
                await client.batch.chat.completions.create([_coroutine()])

    sim.forget()
    run(main)
    assert not sim.requests()


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"requests_per_minute": 0}, {"on_error": "ignore"}])
def test_bounds_that_make_no_sense_are_refused(asynchronous, wrong):
    async def main():
        async with asynchronous() as client:
            with pytest.raises(holysheep.SettingsError):
                await client.batch.chat.completions.create([ask(0)], **wrong)

    run(main)


def test_cancelled_in_the_middle_it_leaves_nothing_behind(asynchronous, sim):
    async def main():
        async with asynchronous() as client:
            tasks = [client.chat.completions.create(**ask(number, "fault/silence")) for number in range(30)]
            batch = asyncio.create_task(client.batch.chat.completions.create(tasks, concurrency=10))
            while len(sim.requests()) < 10:
                await asyncio.sleep(0.01)
            batch.cancel()
            with pytest.raises(asyncio.CancelledError):
                await batch
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert not any(task.sent for task in tasks)
            assert (await client.chat.completions.create(**ask("after"))).choices, "the client goes on"

    sim.forget()
    run(main)


def test_leaving_the_loop_early_cancels_the_rest(asynchronous):
    async def main():
        async with asynchronous() as client:
            async with contextlib.aclosing(client.batch.chat.completions.iterate((ask(number) for number in range(10_000)), concurrency=4)) as results:
                async for _ in results:
                    break
            assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main)


def test_iterate_does_not_run_ahead_of_its_reader(asynchronous):
    pulled = []

    def tasks():
        for number in range(100):
            pulled.append(number)
            yield ask(number)

    async def main():
        async with asynchronous() as client:
            read = 0
            async for _ in client.batch.chat.completions.iterate(tasks(), concurrency=4, window=10):
                read += 1
                await asyncio.sleep(0.001)
                assert len(pulled) <= read + 10
            assert read == 100

    run(main)


def test_trouble_in_the_tasks_or_in_on_progress_ends_the_batch_as_it_came(asynchronous):
    def broken():
        yield ask(0)
        raise KeyError("the caller's own")

    async def broken_asynchronously():
        yield ask(0)
        raise KeyError("the caller's own")

    def unhappy(progress):
        raise KeyError("the caller's own")

    async def main():
        async with asynchronous() as client:
            for tasks, told in [(broken(), None), (broken_asynchronously(), None), ([ask(0), ask(1)], unhappy)]:
                with pytest.raises(KeyError, match="the caller's own"):
                    await client.batch.chat.completions.create(tasks, on_progress=told)
                assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main)


def test_a_closed_client_ends_the_batch_with_one_error(asynchronous):
    async def main():
        client = asynchronous()
        await client.close()
        with pytest.raises(holysheep.ClientClosedError):
            await client.batch.chat.completions.create([ask(0), ask(1)], on_error="return")

    run(main)


def test_progress_is_told_and_awaited(asynchronous):
    seen = []

    async def told(progress):
        await asyncio.sleep(0)
        seen.append(progress)

    async def main():
        async with asynchronous() as client:
            await client.batch.chat.completions.create([ask(0), ask(1, "nobody"), ask(2)], on_progress=told, on_error="return")
            await client.batch.chat.completions.create((ask(number) for number in range(2)), on_progress=told)

    run(main)
    assert [progress.done for progress in seen] == [1, 2, 3, 1, 2] and seen[2].failed == 1 and seen[2].total == 3 and seen[-1].total is None
    assert seen[2].per_second > 0


def test_the_bar_is_for_terminals():
    plain = io.StringIO()
    bar = Bar(plain)
    bar.draw(Progress(3, 1, 0, 6, 2.0))
    bar.end()
    assert plain.getvalue() == "" and bar.line(Progress(3, 1, 0, 6, 2.0)) == "[###############...............] 3/6, 1.5/s, 1 failed"
    assert bar.line(Progress(3, 0, 0, None, 2.0)) == "3 done, 1.5/s"
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    bar = Bar(terminal)
    for done in range(1, 7):
        bar.draw(Progress(done, 0, 0, 6, done / 1000))
    bar.end()
    assert terminal.getvalue().count("\r") == 2, "the first and the last; not six times in six milliseconds"


def test_an_earlier_run_is_gone_on_with(asynchronous, sim, tmp_path):
    file = tmp_path / "batch.jsonl"
    tasks = [ask(number) for number in range(10)]

    async def first():
        async with asynchronous() as client:
            async with contextlib.aclosing(client.batch.chat.completions.iterate(tasks, concurrency=2, resume=file)) as results:
                return [await anext(results) for _ in range(4)]

    async def second():
        async with asynchronous() as client:
            seen = []
            results = await client.batch.chat.completions.create(tasks, resume=file, on_progress=seen.append)
            assert seen[-1].resumed >= 4 and seen[-1].done == 10
            return results

    begun = contents(run(first))
    sim.forget()
    results = run(second)
    assert contents(results)[:4] == begun and len(results) == 10 and results[0].x_source == "vllm" and results[0]._request_id.startswith("req_")
    assert contents(results[-2:]) == contents(results)[-2:]
    asked = {json.loads(request["body"])["messages"][0]["content"] for request in sim.requests()}
    assert len(asked) <= 6 and not {f"item {number}" for number in range(4)} & asked
    sim.forget()
    assert contents(run(second)) == contents(results) and not sim.requests()


def test_an_item_is_known_by_its_place_and_its_content(asynchronous, sim, tmp_path):
    file = tmp_path / "batch.jsonl"

    async def with_tasks(tasks):
        async with asynchronous() as client:
            return contents(await client.batch.chat.completions.create(tasks, resume=file, on_error="return"))

    first = run(lambda: with_tasks([ask("a"), ask("b"), ask("c")]))
    sim.forget()
    second = run(lambda: with_tasks([ask("a"), {**ask("changed")}, dict(reversed(ask("c").items()))]))
    assert second[0] == first[0] and second[2] == first[2]
    assert [json.loads(request["body"])["messages"][0]["content"] for request in sim.requests()] == ["item changed"]
    sim.forget()
    assert run(lambda: with_tasks([ask("a")])) == first[:1] and not sim.requests()


def test_failed_items_are_recorded_and_tried_again(sim, tmp_path):
    file = tmp_path / "batch.jsonl"

    async def main():
        async with server_client(sim) as client:
            return await client.batch.chat.completions.create(
                [ask(0, VLLM), ask(1, "fault-500-once#resume"), ask(2, "fault-422")], resume=file, on_error="return"
            )

    first = run(main)
    assert isinstance(first[1], openai.InternalServerError) and first[1].status_code == 500
    assert isinstance(first[2], openai.UnprocessableEntityError) and first.errors.keys() == {1, 2} and first[2].body["message"]
    second = run(main)
    assert second[1].choices and isinstance(second[2], openai.UnprocessableEntityError)


def test_a_repetition_after_a_crash_keeps_the_idempotency_key(sim, tmp_path):
    """What was sent and not recorded may have been charged: sent again, it says that it is the same."""
    file = tmp_path / "batch.jsonl"

    async def main():
        async with server_client(sim, timeout=0.2) as client:
            await client.batch.chat.completions.create([ask(0, "fault-silence#key"), ask(1, "fault-silence#key")], resume=file, on_error="return")

    sim.forget()
    run(main)
    run(main)
    sent = [request["headers"]["idempotency-key"] for request in sim.requests()]
    assert len(sent) == 4 and len(set(sent)) == 2


def test_a_torn_last_line_is_cut_off(asynchronous, tmp_path, sim):
    file = tmp_path / "batch.jsonl"

    async def main():
        async with asynchronous() as client:
            return contents(await client.batch.chat.completions.create([ask(number) for number in range(3)], resume=file))

    whole = run(main)
    lines = file.read_bytes().splitlines(keepends=True)
    for kept in range(len(lines) + 1):
        for torn in (b"", lines[kept][: len(lines[kept]) // 2] if kept < len(lines) else b""):
            file.write_bytes(b"".join(lines[:kept]) + torn)
            sim.forget()
            assert run(main) == whole
            assert len(sim.requests()) == 4 - max(kept, 1)
            assert all(json.loads(line) for line in file.read_bytes().splitlines())


def test_a_file_that_is_none_of_ours_is_left_alone(asynchronous, tmp_path):
    async def main(file):
        async with asynchronous() as client:
            await client.batch.chat.completions.create([ask(0)], resume=file)

    for text in ('{"schema":"somebody.elses/1"}\n', "notes\n", "notes", "[1]\n"):
        file = tmp_path / "notes"
        file.write_text(text)
        with pytest.raises(holysheep.ResumeFileError, match="not the file of a batch"):
            run(lambda file=file: main(file))
        assert file.read_text() == text
    with pytest.raises(holysheep.ResumeFileError, match="no regular file"):
        run(lambda: main(tmp_path))
    with pytest.raises(holysheep.ResumeFileError, match="cannot be opened"):
        run(lambda: main(tmp_path / "no" / "folder"))
    file = tmp_path / "broken"
    file.write_text('{"schema":"holysheep.batch/1","id":"x"}\nnot json\n{"index":0}\n')
    with pytest.raises(holysheep.ResumeFileError, match="broken:2"):
        run(lambda: main(file))


def test_a_file_in_use_and_a_full_disk_are_told(asynchronous, tmp_path):
    async def main(file):
        async with asynchronous() as client:
            await client.batch.chat.completions.create([ask(0)], resume=file, on_error="return")

    record = Record(tmp_path / "used")
    with pytest.raises(holysheep.ResumeFileError, match="still running"):
        run(lambda: main(tmp_path / "used"))
    record.close()
    run(lambda: main(tmp_path / "used"))
    with pytest.raises(holysheep.ResumeFileError, match="no regular file"):
        run(lambda: main("/dev/zero"))


def test_a_full_disk_is_told_and_costs_no_earlier_item(asynchronous, tmp_path):
    """The limit on a file's size stands for the disk: the write that passes it fails in the same way."""
    import resource

    file = tmp_path / "batch.jsonl"

    async def main(count):
        async with asynchronous() as client:
            return await client.batch.chat.completions.create([ask(number) for number in range(count)], resume=file, concurrency=1)

    run(lambda: main(2))
    size = file.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, hard))
    try:
        with pytest.raises(holysheep.ResumeFileError, match="cannot be written"):
            run(lambda: main(3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.stat().st_size == size and len(run(lambda: main(3))) == 3


def test_content_that_cannot_be_compared_is_refused_for_resuming(asynchronous, tmp_path):
    assert task_digest({"model": "m", "messages": [{"a": 1}]}) == task_digest({"messages": [{"a": 1}], "model": "m", "timeout": 5})
    assert task_digest({"model": "m"}) != task_digest({"model": "n"})
    with pytest.raises(holysheep.ResumeFileError, match="cannot be compared"):
        task_digest({"model": "m", "extra_body": object()})


CHILD = """
import asyncio, signal, sys
import holysheep

# Whoever runs the tests in the background passes on that SIGINT is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

async def main():
    async with holysheep.HolySheepClient(base_url=sys.argv[1], api_key=sys.argv[2]) as client:
        tasks = [{"model": "fault/slow-first:300ms", "messages": [{"role": "user", "content": f"item {number}"}]} for number in range(40)]
        def told(progress):
            print(progress.done, progress.resumed, flush=True)
        results = await client.batch.chat.completions.create(tasks, concurrency=2, resume=sys.argv[3], on_progress=told)
        print("all", len([result.choices[0].message.content for result in results]), flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_after_ctrl_c_or_a_kill_it_goes_on(gateway, tmp_path, number):
    file = tmp_path / "batch.jsonl"

    def start():
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, gateway.base_url, gateway.key, str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    with start() as child:
        for line in child.stdout:
            if int(line.split()[0]) >= 4:
                child.send_signal(number)
                break
        said = child.stdout.read()
        assert "all" not in said and child.wait(processes.PATIENCE) != 0
    recorded = len(file.read_bytes().splitlines()) - 1
    assert recorded >= 4
    with start() as child:
        said, complaints = child.communicate(timeout=processes.PATIENCE)
        assert child.returncode == 0, complaints
    lines = said.split("\n")
    assert "all 40" in lines and int(lines[-3].split()[1]) >= 4


def test_answers_of_a_bare_server_survive_the_file(tmp_path):
    def answer(method, path, number):
        return 200, {}, COMPLETION[:-1] + b',"x_unknown":{"kept":[1]}}'

    async def main(server):
        async with server_client(server) as client:
            (result,) = await client.batch.chat.completions.create([ask(0)], resume=tmp_path / "file")
            assert result.x_unknown == {"kept": [1]} and result.choices[0].message.content == "hi" and result.x_source is None

    with Canned(answer) as server:
        run(lambda: main(server))


def test_messages_that_can_be_read_once_are_read_once(sim):
    async def main():
        async with server_client(sim, max_retries=1) as client:
            task = {"model": "fault-500#once", "messages": iter(MESSAGES)}
            await client.batch.chat.completions.create([task], on_error="return")

    sim.forget()
    run(main)
    assert [len(json.loads(request["body"])["messages"]) for request in sim.requests()] == [1, 1]
