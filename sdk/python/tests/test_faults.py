"""Every fault of the simulator through the gateway, and every way in which a stream can end, from a bare server."""

import asyncio

import openai
import pytest
from conftest import MESSAGES, VLLM, Canned, processes

import holysheep

FAULTS, RAISES = processes.FAULTS, processes.RAISES
PLAIN = {fault: said["plain"] for fault, said in FAULTS.items() if said["plain"] != "twice"}
STREAM = {fault: FAULTS[fault].get("stream", plain) for fault, plain in PLAIN.items()}


def as_promised(caught, status, code):
    assert type(caught.value) is RAISES[status] and (code == "*" or caught.value.code == code)


@pytest.mark.parametrize("fault", PLAIN)
def test_plain(client, fault):
    if PLAIN[fault] == "ok":
        assert client.chat.completions.create(model=f"fault/{fault}", messages=MESSAGES).choices[0].message.content
        return
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=f"fault/{fault}", messages=MESSAGES)
    as_promised(caught, *PLAIN[fault])


def check_stream(fault, chunks, caught):
    if STREAM[fault] == "ok":
        assert caught is None and [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    elif STREAM[fault] == "in band":
        assert type(caught) is openai.APIError and caught.code in ("upstream_error", "upstream_timeout") and chunks
    else:
        status, code = STREAM[fault]
        assert type(caught) is RAISES[status] and (code == "*" or caught.code == code) and not chunks


@pytest.mark.parametrize("fault", STREAM)
def test_stream(client, fault):
    chunks, caught = [], None
    try:
        for chunk in client.chat.completions.create(model=f"fault/{fault}", messages=MESSAGES, stream=True):
            chunks.append(chunk)
    except openai.APIError as error:
        caught = error
    check_stream(fault, chunks, caught)


def test_all_of_them_asynchronously(asynchronous):
    async def one(client, fault):
        chunks, caught = [], None
        try:
            async for chunk in await client.chat.completions.create(model=f"fault/{fault}", messages=MESSAGES, stream=True):
                chunks.append(chunk)
        except openai.APIError as error:
            caught = error
        check_stream(fault, chunks, caught)

    async def main():
        async with asynchronous() as client:
            await asyncio.gather(*(one(client, fault) for fault in STREAM))

    asyncio.run(main())


# From a bare server nobody rescues or reports a stream: what the openai package would end in silence has to raise.
ENDINGS = {
    "cut-role": holysheep.StreamCutError,
    "cut:2": holysheep.StreamCutError,
    "cut-token": holysheep.StreamCutError,
    "cut-tool": holysheep.StreamCutError,
    "broken-json:2": holysheep.StreamCutError,
    "stall:2": openai.APITimeoutError,
    "error-in-stream:2": openai.APIError,
    "reset": openai.APIConnectionError,
    # These are whole: every choice has its finish_reason, or [DONE] came.
    "cut-finish": None,
    "no-done": None,
    "no-finish": None,
    "no-usage": None,
    "comments": None,
    "crlf": None,
    "one-byte": None,
    "split-utf8": None,
    "big-event": None,
}


def judge(fault, caught):
    expected = ENDINGS[fault]
    assert (type(caught) if caught else None) is expected, repr(caught)
    if expected is holysheep.StreamCutError:
        assert isinstance(caught, openai.APIConnectionError) and "only a part" in str(caught) and caught.request.url


@pytest.mark.parametrize("fault", ENDINGS)
def test_every_ending_of_a_stream(bare, fault):
    caught = None
    try:
        list(bare.chat.completions.create(model=f"fault-{fault}", messages=MESSAGES, stream=True))
    except openai.APIError as error:
        caught = error
    judge(fault, caught)


def test_every_ending_asynchronously(sim):
    async def one(client, fault):
        caught = None
        try:
            async for _ in await client.chat.completions.create(model=f"fault-{fault}", messages=MESSAGES, stream=True):
                pass
        except openai.APIError as error:
            caught = error
        judge(fault, caught)

    async def main():
        async with holysheep.HolySheepClient(api_key="none", key_check="off", base_url=sim.base_url, max_retries=0, timeout=1) as client:
            await asyncio.gather(*(one(client, fault) for fault in ENDINGS))

    asyncio.run(main())


@pytest.mark.parametrize("fault", ["cut:2", "broken-json:2"])
def test_the_stream_helper_and_legacy_completions_raise_too(bare, fault):
    with pytest.raises(holysheep.StreamCutError), bare.chat.completions.stream(model=f"fault-{fault}", messages=MESSAGES) as stream:
        list(stream)
    with pytest.raises(holysheep.StreamCutError):
        list(bare.completions.create(model=f"fault-{fault}", prompt="Once", stream=True))
    with pytest.raises(holysheep.StreamCutError):
        list(bare.chat.completions.with_raw_response.create(model=f"fault-{fault}", messages=MESSAGES, stream=True).parse())


def event(index=0, content="x", finish="null"):
    choice = f'{{"index":{index},"delta":{{"content":"{content}"}},"finish_reason":{finish}}}'
    return f'data: {{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{choice}]}}\n\n'.encode()


@pytest.mark.parametrize(
    "body, whole",
    [
        (b"", False),
        (b": ping\n\n", False),
        (event(), False),
        (event() + event()[:-1], False),
        (event() + b"data: [DONE]\n\n", True),
        (event() + event(finish='"stop"'), True),
        (event(0) + event(1) + event(0, finish='"stop"'), False),
        (event(0) + event(1) + event(0, finish='"stop"') + event(1, finish='"stop"'), True),
        (event() + b"data: \xff\xfe\n\n", False),
    ],
)
def test_bytes_that_end_in_good_order(body, whole):
    """The openai package takes each of these for a complete answer (but the last, which it cannot decode)."""
    answer = 200, {"content-type": "text/event-stream"}, body
    with Canned(lambda *_: answer) as server, holysheep.HolySheep(api_key="none", key_check="off", base_url=server.base_url, max_retries=0) as client:
        if whole:
            list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))
            return
        with pytest.raises(holysheep.StreamCutError):
            list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))


def test_leaving_a_stream_early_is_no_cut(bare):
    with bare.chat.completions.create(model=VLLM, messages=MESSAGES, stream=True) as stream:
        next(stream)
    bare.chat.completions.create(model=VLLM, messages=MESSAGES)
