"""What the openai package can do, both clients can; and what they add."""

import asyncio
import pickle

import openai
import pytest
from conftest import MESSAGES, VLLM
from pydantic import BaseModel

import holysheep
from holysheep.types import ChatCompletion, ChatCompletionChunk, DeepSeekCoder, DeepSeekReasoner, DeepSeekV3, Model


def test_an_answer_has_the_gateways_fields(client):
    answer = client.chat.completions.create(model=DeepSeekV3, messages=MESSAGES)
    assert type(answer) is ChatCompletion and isinstance(answer, openai.types.chat.ChatCompletion)
    assert answer.x_source == answer.source == "vllm" and answer.x_latency_ms == answer.latency_ms > 0
    assert answer.choices[0].message.content and answer.usage.completion_tokens == 12 and answer._request_id.startswith("req_")


def test_a_bare_server_has_none_of_them_and_that_is_fine(bare):
    answer = bare.chat.completions.create(model=VLLM, messages=MESSAGES)
    assert answer.x_source is None and answer.latency_ms is None and answer.choices[0].message.content


def test_a_stream_has_them_on_the_chunk_with_the_usage(client):
    with client.chat.completions.create(model="chat", messages=MESSAGES, stream=True, stream_options={"include_usage": True}) as stream:
        chunks = list(stream)
    assert isinstance(stream, openai.Stream) and all(type(chunk) is ChatCompletionChunk for chunk in chunks)
    assert chunks[-1].x_source == "vllm" and chunks[0].x_source is None


def test_raw_and_streaming_responses(client):
    raw = client.chat.completions.with_raw_response.create(model="chat", messages=MESSAGES)
    assert raw.headers["x-bellwether-upstream"] == "vllm" and type(raw.parse()) is ChatCompletion
    with client.chat.completions.with_streaming_response.create(model="chat", messages=MESSAGES) as response:
        assert response.headers["x-request-id"] and type(response.parse()) is ChatCompletion
    raw = client.chat.completions.with_raw_response.create(model="chat", messages=MESSAGES, stream=True)
    assert isinstance(raw.parse(), holysheep.Stream)


def test_the_stream_helper_and_parse(client):
    with client.chat.completions.stream(model="chat", messages=MESSAGES) as stream:
        kinds = [event.type for event in stream]
        assert kinds[-1] == "content.done" and stream.get_final_completion().choices[0].message.content

    class Count(BaseModel):
        sheep: int

    # The simulator's words are no JSON: that they are read as JSON shows that `parse` is at work.
    with pytest.raises(ValueError, match="Count"):
        client.chat.completions.parse(model="chat", messages=MESSAGES, response_format=Count)
    assert client.chat.completions.parse(model="chat", messages=MESSAGES).choices[0].message.content


def test_all_of_that_asynchronously(asynchronous):
    async def main():
        async with asynchronous() as client:
            answer = await client.chat.completions.create(model="chat", messages=MESSAGES)
            assert type(answer) is ChatCompletion and answer.x_source == "vllm"
            stream = await client.chat.completions.create(model="chat", messages=MESSAGES, stream=True)
            assert isinstance(stream, openai.AsyncStream)
            assert [chunk async for chunk in stream][-1].choices[0].finish_reason == "stop"
            raw = await client.chat.completions.with_raw_response.create(model="chat", messages=MESSAGES)
            assert raw.headers["x-request-id"] and type(raw.parse()) is ChatCompletion
            async with client.chat.completions.with_streaming_response.create(model="chat", messages=MESSAGES) as response:
                assert type(await response.parse()) is ChatCompletion
            async with client.chat.completions.stream(model="chat", messages=MESSAGES) as stream:
                assert [event.type async for event in stream][-1] == "content.done"
            assert (await client.chat.completions.parse(model="chat", messages=MESSAGES)).choices
            assert [model.id async for model in client.models.list()]

    asyncio.run(main())


def test_with_options_keeps_what_is_ours(client):
    copy = client.with_options(timeout=3).copy(max_retries=5)
    assert type(copy) is holysheep.HolySheep and (copy.timeout, copy.max_retries) == (3, 5)
    assert copy.connections == client.connections and copy._client is client._client
    assert copy.chat.completions.create(model="chat", messages=MESSAGES).x_source == "vllm"


def test_legacy_completions_and_embeddings_are_typed_too(client, sim):
    completion = client.completions.create(model="chat", prompt="Once")
    assert type(completion) is holysheep.types.Completion and completion.x_source == "vllm"
    vectors = client.embeddings.create(model="chat", input="sheep")
    assert type(vectors) is holysheep.types.CreateEmbeddingResponse and vectors.data[0].embedding


def keys_of(sim, model):
    return [request["headers"].get("idempotency-key") for request in sim.requests() if model in request["body"]]


def test_an_idempotency_key_is_one_for_each_call_and_the_same_on_its_retries(bare, sim):
    sim.forget()
    for number in range(2):
        with pytest.raises(openai.InternalServerError):
            bare.with_options(max_retries=2).chat.completions.create(model=f"fault-500#idem{number}", messages=MESSAGES)
    first, second = keys_of(sim, "#idem0"), keys_of(sim, "#idem1")
    assert len(first) == len(second) == 3 and len(set(first)) == len(set(second)) == 1
    assert first[0] and first[0] != second[0]


def test_a_callers_own_idempotency_key_goes_first(bare, sim):
    sim.forget()
    bare.chat.completions.create(model=VLLM, messages=MESSAGES, extra_headers={"Idempotency-Key": "mine"})
    assert keys_of(sim, VLLM) == ["mine"]


def test_timeouts_are_taken_by_phase(bare):
    patient = bare.with_options(timeout=holysheep.Timeout(30.0, connect=2.0, read=0.2, write=3.0, pool=4.0))
    assert patient.timeout.read == 0.2
    with pytest.raises(openai.APITimeoutError):
        patient.chat.completions.create(model="fault-silence", messages=MESSAGES)
    with pytest.raises(openai.APITimeoutError):
        bare.chat.completions.create(model="fault-silence", messages=MESSAGES, timeout=holysheep.Timeout(30.0, read=0.2))


def test_nobody_there_is_a_connection_error(gateway):
    with holysheep.HolySheep(api_key=gateway.key, base_url="http://127.0.0.1:1/v1", max_retries=0) as client, pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model="chat", messages=MESSAGES)


@pytest.mark.parametrize("model", [DeepSeekV3, DeepSeekCoder, DeepSeekReasoner, Model("mine", "My own")])
def test_a_model_is_its_name(model):
    import copy
    import json

    assert isinstance(model, str) and json.loads(json.dumps({"model": model})) == {"model": str(model)}
    assert f"{model}" == str(model) and {model: 1}[str(model)] == 1 and model.label
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert again == model and again.label == model.label


def test_the_name_of_a_model_is_what_is_sent(bare, sim):
    sim.forget()
    bare.chat.completions.create(model=Model(VLLM), messages=MESSAGES)
    assert f'"model":"{VLLM}"' in sim.requests()[0]["body"]


def test_models_are_validated_with_suggestions(client, bare):
    assert client.validate_model("chat") == "chat"
    assert client.validate_model("CHAT") == "chat"
    assert client.validate_model("flock/sheep V1") == "sheep"
    with pytest.raises(holysheep.UnknownModelError) as caught:
        client.validate_model("deepseek_chatt")
    assert caught.value.suggestions[0] == "deepseek-chat" and "did you mean 'deepseek-chat'" in str(caught.value)
    with pytest.raises(holysheep.UnknownModelError) as caught:
        holysheep.validate_model(bare, "DeepSeek-v3")
    assert caught.value.suggestions == [VLLM]


def test_models_are_validated_asynchronously_and_other_trouble_stays_what_it_is(asynchronous):
    async def main():
        async with asynchronous() as client:
            assert await client.validate_model("flock/Sheep v1") == "sheep"
            with pytest.raises(holysheep.UnknownModelError):
                await holysheep.validate_model_async(client, "no such thing")
        async with asynchronous(base_url="http://127.0.0.1:1/v1") as client:
            with pytest.raises(openai.APIConnectionError):
                await client.validate_model("chat")

    asyncio.run(main())
