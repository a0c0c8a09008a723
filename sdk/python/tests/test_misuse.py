"""What is done wrong in daily life: a typed error that says what to do, no leak and no hang."""

import asyncio
import gc
import os
import pickle

import pytest
from conftest import MESSAGES

import holysheep


def ask(client):
    return client.chat.completions.create(model="chat", messages=MESSAGES)


def test_without_a_running_loop_it_is_said_what_to_do(asynchronous):
    pending = ask(asynchronous())
    waiting = pending.__await__()
    with pytest.raises(holysheep.EventLoopError, match=r"asyncio.run\(main\(\)\).*HolySheep"):
        next(waiting)


def test_two_loops_are_told_apart(asynchronous):
    client = asynchronous()
    first = asyncio.new_event_loop()
    try:
        assert first.run_until_complete(_of(ask(client))).choices

        async def second():
            with pytest.raises(holysheep.EventLoopError, match="another event loop"):
                await ask(client)
            # Each loop its own client: that is what the message says, and it works.
            async with asynchronous() as own:
                assert (await ask(own)).choices

        asyncio.run(second())
        assert first.run_until_complete(_of(ask(client))).choices
        first.run_until_complete(client.close())
    finally:
        first.close()


def test_a_call_that_is_on_its_way_elsewhere_cannot_be_awaited_here(asynchronous):
    here = asyncio.new_event_loop()

    async def begin():
        client = asynchronous()
        pending = client.chat.completions.create(model="fault/slow-first:300ms", messages=MESSAGES)
        return client, pending, asyncio.ensure_future(_of(pending))

    try:
        client, pending, task = here.run_until_complete(begin())
        here.run_until_complete(asyncio.sleep(0.01))

        async def elsewhere():
            with pytest.raises(holysheep.EventLoopError, match="another event loop"):
                await pending

        asyncio.run(elsewhere())
        assert here.run_until_complete(task).choices
        here.run_until_complete(client.close())
    finally:
        here.close()


async def _of(pending):
    return await pending


@pytest.mark.parametrize("used", [True, False])
def test_a_client_does_not_live_through_a_fork_unless_it_was_not_used(client, used):
    if used:
        ask(client)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            ask(client)
            code = 0 if not used else 2
        except holysheep.ForkedClientError as error:
            code = 0 if used and "after the fork" in str(error) else 3
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ask(client).choices, "the parent's connection is as it was"


def test_a_closed_client_says_so(client, asynchronous):
    copy = client.with_options(timeout=5)
    client.close()
    for each in (client, copy):
        with pytest.raises(holysheep.ClientClosedError, match="make a new one"):
            ask(each)

    async def main():
        closed = asynchronous()
        await closed.close()
        with pytest.raises(holysheep.ClientClosedError):
            await ask(closed)

    asyncio.run(main())


def test_every_error_is_an_openai_error_too():
    import openai

    for name in holysheep.errors.__all__:
        assert issubclass(getattr(holysheep.errors, name), openai.OpenAIError)
        assert name in holysheep.__all__


def test_a_synchronous_client_that_is_dropped_leaves_no_socket(gateway):
    """An asynchronous one cannot close itself without its loop: Python warns of it as of any unclosed transport."""
    gc.collect()
    gc.disable()
    try:
        for generation in (0, 1, 2):
            dropped = holysheep.HolySheep(api_key=gateway.key, base_url=gateway.base_url)
            gc.collect(generation)  # a client that is a generation older than its socket is finalized after it, by Python's order
            ask(dropped)
            del dropped
            gc.collect()  # an unclosed socket would warn, and a warning is an error here
    finally:
        gc.enable()


def test_a_key_is_not_in_what_is_printed(client, gateway):
    assert gateway.key[10:-5] not in repr(client) + repr(ask(client)) + repr(holysheep.Side.gateway(gateway.url, gateway.key))
    with pytest.raises(Exception):  # noqa: B017
        pickle.dumps(client)


def test_the_command(capsys):
    from holysheep.__main__ import main

    assert main(["version"]) == 0 and "openai" in capsys.readouterr().out
    assert main(["help"]) == 0 and "migrate" in capsys.readouterr().out
    assert main([]) == 2 and main(["sing"]) == 2 and "unknown command 'sing'" in capsys.readouterr().err
