"""A call that was made and not sent."""

import asyncio
import gc
import json

import openai
import pytest
from conftest import MESSAGES

import holysheep


def bodies(sim, mark):
    return [request for request in sim.requests() if mark in request["body"]]


def marked(mark):
    return [{"role": "user", "content": mark}]


def test_never_awaited_sends_nothing_and_warns_of_nothing(asynchronous, sim):
    async def main():
        async with asynchronous() as client:
            pending = client.chat.completions.create(model="chat", messages=marked("never"))
            assert not pending.sent and "unsent" in repr(pending)
            del pending
            client.chat.completions.create(model="chat", messages=marked("never"), stream=True)
            gc.collect()
            await asyncio.sleep(0)

    asyncio.run(main())  # a warning would be an error here: see pyproject.toml
    assert not bodies(sim, "never")


def test_awaited_twice_it_is_sent_once_also_at_the_same_time(asynchronous, sim):
    async def main():
        async with asynchronous() as client:
            pending = client.chat.completions.create(model="chat", messages=marked("twice"))
            first, second, third = await asyncio.gather(pending, pending, pending)
            assert first is second is third is await pending

    asyncio.run(main())
    assert len(bodies(sim, "twice")) == 1


def test_a_failure_is_remembered_too(asynchronous, sim):
    async def main():
        async with asynchronous() as client:
            pending = client.chat.completions.create(model="fault/422", messages=marked("failure"))
            with pytest.raises(openai.BadRequestError) as first:
                await pending
            with pytest.raises(openai.BadRequestError) as second:
                await pending
            assert first.value is second.value

    asyncio.run(main())
    assert len(bodies(sim, "failure")) == 1


def test_the_last_one_who_waits_takes_the_request_with_him(asynchronous, sim):
    """Cancelled, the upstream hears of it at once; awaited anew, the call is sent again with the same key."""

    async def main():
        async with asynchronous() as client:
            pending = client.chat.completions.create(model="fault/silence", messages=marked("cancelled"))
            waiting = asyncio.create_task(_of(pending))
            while not bodies(sim, "cancelled"):
                await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert not pending.sent and len(asyncio.all_tasks()) == 1
            with pytest.raises(openai.APIStatusError):
                await pending

    asyncio.run(main())
    sent = bodies(sim, "cancelled")
    assert len(sent) == 2


def test_sent_again_after_a_cancellation_it_keeps_its_idempotency_key(sim):
    async def main():
        async with holysheep.HolySheepClient(api_key="none", key_check="off", base_url=sim.base_url, max_retries=0, timeout=0.5) as client:
            pending = client.chat.completions.create(model="fault-silence", messages=marked("key"))
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(_of(pending), 0.2)
            with pytest.raises(openai.APITimeoutError):
                await pending

    asyncio.run(main())
    keys = [request["headers"]["idempotency-key"] for request in bodies(sim, '"key"')]
    assert len(keys) == 2 and keys[0] == keys[1]


def test_while_others_wait_a_cancelled_one_leaves_the_request_alone(asynchronous, sim):
    async def main():
        async with asynchronous() as client:
            pending = client.chat.completions.create(model="fault/slow-first:300ms", messages=marked("others"))
            first, second = asyncio.create_task(_of(pending)), asyncio.create_task(_of(pending))
            while not bodies(sim, "others"):
                await asyncio.sleep(0.01)
            first.cancel()
            assert (await second).choices and first.cancelled()

    asyncio.run(main())
    assert len(bodies(sim, "others")) == 1


def test_what_belongs_to_the_answer_is_not_there_before_it(asynchronous):
    async def main():
        async with asynchronous() as client:
            pending = client.chat.completions.create(model="chat", messages=MESSAGES)
            with pytest.raises(AttributeError, match="not awaited"):
                pending.choices
            assert pending.parameters["model"] == "chat"

    asyncio.run(main())


def test_a_stream_is_one_stream_however_often_it_is_awaited(asynchronous, sim):
    async def main():
        async with asynchronous() as client:
            pending = client.chat.completions.create(model="chat", messages=marked("stream-once"), stream=True)
            assert await pending is await pending
            assert [chunk async for chunk in await pending]

    asyncio.run(main())
    assert json.loads(bodies(sim, "stream-once")[0]["body"])["stream"] is True and len(bodies(sim, "stream-once")) == 1


async def _of(pending):
    return await pending
