"""Two sides: when the fallback answers, when the primary is asked again, and what a caller is told."""

import asyncio
import threading

import openai
import pytest
from conftest import MESSAGES, VLLM, processes

from holysheep import AsyncHybridClient, BothSidesFailedError, HybridClient, SettingsError, Side, StreamCutError
from holysheep.hybrid import Breaker

OWN = {"api_key": "none", "key_check": "off"}
# What the primary does, and whether the fallback is asked.
PRIMARY = {
    "refuse": True,
    "reset": True,
    "429": True,
    "429-bare": True,
    "500": True,
    "503": True,
    "503-loading": True,
    "html-502": True,
    "silence": True,
    "200-error": True,
    "422": False,
    "context-length": False,
    "401": False,
}


def sides(primary, fallback, primary_model, fallback_model=VLLM, **more):
    return Side.server(primary, model=primary_model, timeout=1, **more), Side.server(fallback, model=fallback_model, timeout=5)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("fault", PRIMARY)
def test_it_falls_back_on_the_primarys_faults_and_not_on_the_callers(sim, fault):
    with HybridClient(*sides(sim.base_url, sim.base_url, f"fault-{fault}")) as client:
        if PRIMARY[fault]:
            answer = client.chat.completions.create(model="any", messages=MESSAGES)
            assert answer.source == "fallback" and answer.latency_ms > 0 and answer.choices[0].message.content and answer.x_source is None
            return
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(model="any", messages=MESSAGES)
        assert caught.value.status_code in (400, 401, 422)


def test_the_primary_answers_while_it_can(gateway, sim):
    primary = Side.gateway(gateway.url, gateway.key, timeout=30)
    with HybridClient(primary, Side.server(sim.base_url, model=VLLM)) as client:
        answer = client.chat.completions.create(model="chat", messages=MESSAGES)
        assert (answer.source, answer.x_source) == ("primary", "vllm") and answer.latency_ms >= answer.x_latency_ms
        assert "_side" not in answer.model_dump() and "source" not in answer.model_dump()


def test_a_gateway_behind_a_bare_server_and_the_other_way_round(gateway, sim):
    """The story of a migration: from the bare vLLM to the gateway, and back to it in need. Each side has its own names and its own key."""
    bare = Side.server(sim.base_url, model={"chat": VLLM})
    down = Side.server("http://127.0.0.1:1/v1")
    with HybridClient(down, Side.gateway(gateway.url, gateway.key)) as client:
        answer = client.chat.completions.create(model="chat", messages=MESSAGES)
        assert (answer.source, answer.x_source) == ("fallback", "vllm")
    sim.forget()
    with HybridClient(Side.gateway("http://127.0.0.1:1", gateway.key), bare) as client:
        answer = client.chat.completions.create(model="chat", messages=MESSAGES)
        assert (answer.source, answer.x_source) == ("fallback", None)
    (request,) = sim.requests()
    assert request["headers"]["authorization"] == "Bearer none", "the gateway's key is not the bare server's to see"


def test_members_for_one_side_only(sim):
    sim.forget()
    with HybridClient(*sides(sim.base_url, sim.base_url, VLLM, body={"top_k": 5})) as client:
        client.chat.completions.create(model="any", messages=MESSAGES, extra_body={"min_p": 0.1})
    assert '"top_k":5' in sim.requests()[0]["body"] and '"min_p":0.1' in sim.requests()[0]["body"]


def test_both_down_holds_both_errors(sim):
    with HybridClient(*sides(sim.base_url, sim.base_url, "fault-500", "fault-429")) as client, pytest.raises(BothSidesFailedError) as caught:
        client.chat.completions.create(model="any", messages=MESSAGES)
    assert isinstance(caught.value, openai.APIError)
    assert isinstance(caught.value.primary, openai.InternalServerError) and isinstance(caught.value.fallback, openai.RateLimitError)


def test_a_resting_primary_is_left_alone_then_probed_by_one_and_comes_back(tmp_path):
    """The whole circle, with a server that fails and recovers, and a clock of our own."""
    sim, back = (processes.Simulator(tmp_path, "--flavor", "vllm", name=name) for name in ("home", "back"))
    clock = Clock()
    try:
        sim.fault("500")
        with HybridClient(*sides(sim.url + "/v1", back.url + "/v1", VLLM), trip_after=2, rest=10, clock=clock) as client:

            def source():
                return client.chat.completions.create(model="any", messages=MESSAGES).source

            assert [source() for _ in range(5)] == ["fallback"] * 5 and len(sim.requests()) == 2
            clock.now += 10.1
            assert source() == "fallback" and len(sim.requests()) == 3, "one probe, and it failed"
            clock.now += 10.1
            assert source() == "fallback" and len(sim.requests()) == 3, "a rest twice as long"
            sim.fault(None)
            clock.now += 10.1
            assert [source() for _ in range(3)] == ["primary"] * 3 and not client.breaker.resting
    finally:
        sim.stop()
        back.stop()


def test_a_resting_primary_is_asked_after_all_when_the_fallback_is_down(tmp_path):
    sim = processes.Simulator(tmp_path, "--flavor", "vllm")
    try:
        sim.fault("503")
        with HybridClient(*sides(sim.url + "/v1", "http://127.0.0.1:1/v1", VLLM), trip_after=1, clock=Clock()) as client:
            with pytest.raises(BothSidesFailedError):
                client.chat.completions.create(model="any", messages=MESSAGES)
            sim.fault(None)
            assert client.chat.completions.create(model="any", messages=MESSAGES).source == "primary" and not client.breaker.resting
    finally:
        sim.stop()


# Until something was said, a stream can still move; after that it must break where the caller sees it.
STREAMS = {"refuse": "moves", "500": "moves", "silence": "moves", "cut-role": "moves", "error-in-stream:0": "moves", "stall:0": "moves", "422": "refused"}
STREAMS |= {"cut:2": "breaks", "cut-token": "breaks", "broken-json:2": "breaks", "stall:2": "breaks", "error-in-stream:2": "breaks", "cut-finish": "whole"}


@pytest.mark.parametrize("fault", STREAMS)
def test_streams(sim, fault):
    with HybridClient(*sides(sim.base_url, sim.base_url, f"fault-{fault}"), trip_after=1) as client:

        def ask():
            return client.chat.completions.create(model="any", messages=MESSAGES, stream=True)

        if STREAMS[fault] == "refused":
            with pytest.raises(openai.UnprocessableEntityError):
                ask()
            return
        with ask() as stream:
            assert stream.latency_ms > 0
            if STREAMS[fault] == "breaks":
                assert stream.source == "primary"
                with pytest.raises(openai.APIError) as caught:
                    list(stream)
                assert isinstance(caught.value, (StreamCutError, openai.APITimeoutError)) or type(caught.value) is openai.APIError
                assert client.breaker.resting, "what broke in the middle is no success"
                return
            chunks = list(stream)
        assert stream.source == ("fallback" if STREAMS[fault] == "moves" else "primary")
        assert chunks[0].choices[0].delta.role == "assistant" and "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def test_all_of_that_asynchronously(sim):
    async def one(fault):
        async with AsyncHybridClient(*sides(sim.base_url, sim.base_url, f"fault-{fault}"), trip_after=1) as client:
            stream = await client.chat.completions.create(model="any", messages=MESSAGES, stream=True)
            try:
                async with stream:
                    chunks = [chunk async for chunk in stream]
            except openai.APIError:
                return stream.source, "breaks", client.breaker.resting
            return stream.source, chunks[0].choices[0].delta.role, client.breaker.resting

    async def main():
        async with AsyncHybridClient(*sides(sim.base_url, sim.base_url, "fault-500")) as client:
            answers = await asyncio.gather(*(client.chat.completions.create(model="any", messages=MESSAGES) for _ in range(10)))
            assert {answer.source for answer in answers} == {"fallback"}
        async with AsyncHybridClient(*sides(sim.base_url, sim.base_url, "fault-422")) as client:
            with pytest.raises(openai.UnprocessableEntityError):
                await client.chat.completions.create(model="any", messages=MESSAGES)
        faults = [fault for fault, what in STREAMS.items() if what != "refused"]
        for fault, (source, said, resting) in zip(faults, await asyncio.gather(*map(one, faults)), strict=True):
            expected = {"moves": ("fallback", "assistant", True), "breaks": ("primary", "breaks", True), "whole": ("primary", "assistant", False)}
            assert (source, said, resting) == expected[STREAMS[fault]], fault

    asyncio.run(main())


def test_a_cancelled_probe_frees_its_place(sim):
    clock = Clock()

    async def main():
        async with AsyncHybridClient(*sides(sim.base_url, sim.base_url, {"bad": "fault-500", "slow": "fault-silence"}), trip_after=1, clock=clock) as client:
            assert (await client.chat.completions.create(model="bad", messages=MESSAGES)).source == "fallback"
            clock.now += 11
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.chat.completions.create(model="slow", messages=MESSAGES), 0.2)
            assert (await client.chat.completions.create(model=VLLM, messages=MESSAGES)).source == "primary"

    asyncio.run(main())


def test_threads_share_what_is_known_and_one_of_them_probes(tmp_path):
    sim, back = (processes.Simulator(tmp_path, "--flavor", "vllm", name=name) for name in ("home", "back"))
    clock, sources, lock = Clock(), [], threading.Lock()
    try:
        sim.fault("503")
        with HybridClient(*sides(sim.url + "/v1", back.url + "/v1", VLLM), trip_after=1, clock=clock) as client:

            def ask():
                source = client.chat.completions.create(model="any", messages=MESSAGES).source
                with lock:
                    sources.append(source)

            ask()
            sim.fault("slow-head:500ms")
            clock.now += 11
            asked = len(sim.requests())
            threads = [threading.Thread(target=ask) for _ in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(sim.requests()) == asked + 1 and sources.count("primary") == 1 and sources.count("fallback") == 16
    finally:
        sim.stop()
        back.stop()


def test_settings_that_make_no_sense_are_refused():
    for wrong in ({"trip_after": 0}, {"rest": 0}, {"rest": 20, "rest_max": 10}):
        with pytest.raises(SettingsError):
            HybridClient(Side.server("http://x/v1"), Side.server("http://x/v1"), **wrong)
    with pytest.raises(SettingsError, match="base_url"):
        Side.server("")


def test_a_breaker_step_by_step():
    breaker = Breaker(trip_after=2, rest=10, rest_max=30)
    first, second, late = breaker.ask(0), breaker.ask(0), breaker.ask(0)
    assert first and not first.probe
    breaker.failed(first, 1)
    assert not breaker.resting
    breaker.failed(second, 1)
    assert breaker.resting and breaker.ask(10.9) is None
    breaker.failed(late, 10)
    probe = breaker.ask(11.1)
    assert probe and probe.probe, "the failure of one that began before the rest does not prolong it"
    assert breaker.ask(11.1) is None, "one probe at a time"
    breaker.abandoned(probe)
    probe = breaker.ask(11.2)
    breaker.failed(probe, 12)
    assert breaker.ask(31.9) is None, "twice as long"
    probe = breaker.ask(32.1)
    breaker.failed(probe, 33)
    assert breaker.ask(62.9) is None, "but no longer than rest_max"
    probe = breaker.ask(63.1)
    breaker.answered(probe)
    assert not breaker.resting
    again = breaker.ask(64)
    breaker.failed(again, 64, retry_after=25)
    assert breaker.ask(88.9) is None and breaker.ask(89.1), "a server that says how long is taken at its word, at once"
    breaker.healed()
    assert not breaker.resting
    breaker.failed(breaker.ask(90), 90)
    breaker.answered(breaker.ask(90))
    breaker.failed(breaker.ask(90), 90)
    assert not breaker.resting, "in a row means in a row"
