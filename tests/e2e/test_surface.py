"""What callers see, through the real openai package."""
import json

import openai
import pytest

from conftest import get, run

MESSAGES = [{"role": "user", "content": "안녕? Tell me about sheep."}]
DIALECTS = ["vllm", "deepseek", "llama-server", "openai"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_chat(client, dialect):
    raw = client.chat.completions.with_raw_response.create(model=f"m-{dialect}", messages=MESSAGES)
    answer = raw.parse()
    assert answer.choices[0].finish_reason == "stop"
    assert len(answer.choices[0].message.content) > 12
    assert answer.model == f"m-{dialect}"
    assert answer.usage.completion_tokens == 12
    assert answer.x_source == dialect
    assert answer.x_latency_ms > 0
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["x-bellwether-upstream"] == dialect
    assert raw.headers["x-bellwether-attempts"] == "1"
    assert "set-cookie" not in raw.headers and raw.headers.get("server") is None


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("usage", [True, False])
def test_chat_stream(client, dialect, usage):
    more = {"stream_options": {"include_usage": True}} if usage else {}
    chunks = list(client.chat.completions.create(model=f"m-{dialect}", messages=MESSAGES, stream=True, **more))
    whole = client.chat.completions.create(model=f"m-{dialect}", messages=MESSAGES)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert {c.model for c in chunks} == {f"m-{dialect}"}
    assert len({c.id for c in chunks}) == 1
    with_usage = [c for c in chunks if c.usage]
    if usage:
        assert with_usage == [chunks[-1]] and not chunks[-1].choices
        assert chunks[-1].usage.completion_tokens == 12
        assert chunks[-1].x_source == dialect and chunks[-1].x_latency_ms > 0
    else:
        assert with_usage == [] and all(c.choices for c in chunks)


def test_stream_helper_of_the_sdk(client):
    with client.chat.completions.stream(model="chat", messages=MESSAGES) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "content.done" in kinds and final.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls(client, stream):
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]
    for dialect in DIALECTS:
        answer = client.chat.completions.create(model=f"m-{dialect}", messages=MESSAGES, tools=tools, stream=stream)
        if stream:
            chunks = [c for c in answer if c.choices]
            calls = [d for c in chunks for d in (c.choices[0].delta.tool_calls or [])]
            name, arguments = calls[0].function.name, "".join(call.function.arguments or "" for call in calls)
            reason = chunks[-1].choices[0].finish_reason
        else:
            call = answer.choices[0].message.tool_calls[0]
            name, arguments, reason = call.function.name, call.function.arguments, answer.choices[0].finish_reason
        assert (name, json.loads(arguments)["city"], reason) == ("get_weather", "서울", "tool_calls")


def test_reasoning_passes_through(client):
    answer = client.chat.completions.create(model="m-deepseek", messages=MESSAGES, extra_body={"thinking": {"type": "enabled"}})
    assert answer.choices[0].message.reasoning_content
    chunks = list(client.chat.completions.create(model="m-deepseek", messages=MESSAGES, stream=True, extra_body={"thinking": {"type": "enabled"}}))
    assert any(getattr(c.choices[0].delta, "reasoning_content", None) for c in chunks if c.choices)


@pytest.mark.parametrize("stream", [False, True])
def test_legacy_completions(client, stream):
    for dialect in DIALECTS:
        answer = client.completions.create(model=f"m-{dialect}", prompt="Once", max_tokens=5, stream=stream)
        if stream:
            chunks = list(answer)
            assert "".join(c.choices[0].text for c in chunks if c.choices)
            assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "length"
            assert {c.model for c in chunks} == {f"m-{dialect}"}
        else:
            assert answer.choices[0].text and answer.usage.completion_tokens == 5 and answer.x_source == dialect


@pytest.mark.parametrize("dialect", DIALECTS)
def test_embeddings_are_the_same_in_every_format(client, dialect):
    default = client.embeddings.create(model=f"m-{dialect}", input=["하나", "two"])  # the SDK asks for base64 on its own
    floats = client.embeddings.create(model=f"m-{dialect}", input=["하나", "two"], encoding_format="float")
    assert len(default.data) == 2 and len(default.data[0].embedding) == 16
    for one, other in zip(default.data, floats.data):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    assert default.x_source == dialect and default.model == f"m-{dialect}"


def test_models(client):
    ids = [model.id for model in client.models.list()]
    assert "chat" in ids and "m-vllm" in ids
    assert client.models.retrieve("chat").id == "chat"
    assert client.models.retrieve("org/chat v3").id == "chat"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nothing")


@pytest.mark.parametrize("name", ["chat", "Chat-V3", "CHAT", "chat-v3", "org/chat v3"])
def test_a_model_by_any_of_its_names(client, name):
    assert client.chat.completions.create(model=name, messages=MESSAGES).model == "chat"


def test_unknown_request_fields_go_upstream_byte_for_byte(world):
    sim = world.sims["vllm"]
    sim.forget()
    body = '{ "model" : "chat","messages":[{"role":"user","content":"a\\u00e9 \\/"}],\n "seed":12345678901234567890123, "x":{"deep":[1.0e2,null]},"temperature":0.70}'
    assert world.post("/v1/chat/completions", body)[0] == 200
    assert sim.requests()[-1]["body"] == body.replace('"chat"', '"deepseek-ai/DeepSeek-V3"')


def test_unknown_response_fields_come_back(world):
    _, _, body = world.post("/v1/chat/completions", {"model": "chat", "messages": MESSAGES})
    assert json.loads(body)["kv_transfer_params"] is None and "stop_reason" in json.loads(body)["choices"][0]


def test_the_route_adds_what_the_caller_did_not_set(world):
    sim = world.sims["deepseek"]
    sim.forget()
    world.post("/v1/chat/completions", {"model": "flash", "messages": MESSAGES})
    world.post("/v1/chat/completions", {"model": "flash", "messages": MESSAGES, "top_k": 9})
    first, second = (json.loads(request["body"]) for request in sim.requests()[-2:])
    assert first["thinking"] == {"type": "disabled"} and first["top_k"] == 5
    assert second["top_k"] == 9 and first["model"] == "deepseek-flash"


def test_usage_is_always_asked_for(world, client):
    sim = world.sims["vllm"]
    sim.forget()
    list(client.chat.completions.create(model="chat", messages=MESSAGES, stream=True))
    assert json.loads(sim.requests()[-1]["body"])["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}


def test_few_of_the_callers_headers_travel(world):
    sim = world.sims["vllm"]
    sim.forget()
    world.post("/v1/chat/completions", {"model": "chat", "messages": MESSAGES},
               {"cookie": "a=b", "x-secret": "1", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    headers = sim.requests()[-1]["headers"]
    assert headers["traceparent"].startswith("00-0af")
    assert set(headers) == {"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length", "x-request-id", "traceparent"}


def test_request_ids_are_ours_and_unique(world):
    ids = set()
    for _ in range(3):
        _, headers, _ = world.post("/v1/chat/completions", {"model": "chat", "messages": MESSAGES}, {"x-request-id": "mine", "x-client-request-id": "job-7"})
        assert headers["x-client-request-id"] == "job-7"
        ids.add(headers["x-request-id"])
    assert len(ids) == 3 and "mine" not in ids
    _, headers, _ = get(world.url + "/v1/nothing")
    assert headers["x-request-id"].startswith("req_")


# ---- Errors ----

def test_authentication(world):
    for key in ["hs_", "wrong", "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789", "hs_" + "0" * 40, world.key[:-1] + ("0" if world.key[-1] != "0" else "1")]:
        with world.client(api_key=key) as client:
            with pytest.raises(openai.AuthenticationError) as caught:
                client.chat.completions.create(model="chat", messages=MESSAGES)
        assert caught.value.code == "invalid_api_key"
        assert caught.value.body["message"].startswith("Incorrect API key provided")
        assert len(key) < 12 or key not in str(caught.value)
    status, _, body = get(world.url + "/v1/models")
    assert status == 401 and json.loads(body)["error"]["code"] == "invalid_api_key"


def test_a_key_may_be_held_to_models(world):
    key = world.make_key("held", "--models", "chat-v3")  # an alias: the key is held to what it stands for
    with world.client(api_key=key) as client:
        assert client.chat.completions.create(model="chat", messages=MESSAGES).model == "chat"
        assert [model.id for model in client.models.list()] == ["chat"]
        with pytest.raises(openai.PermissionDeniedError) as caught:
            client.chat.completions.create(model="m-vllm", messages=MESSAGES)
        assert caught.value.code == "model_forbidden"
        with pytest.raises(openai.PermissionDeniedError):
            client.models.retrieve("m-vllm")


def test_unknown_model_names_the_nearest(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="m-vlm", messages=MESSAGES)
    assert caught.value.code == "model_not_found"
    assert caught.value.body["message"].startswith("Model not found: m-vlm") and "m-vllm" in caught.value.body["message"]


@pytest.mark.parametrize("body, param", [
    ("", None), ("{", None), ("[]", None), ("null", None), ('"x"', None), ('{"model":"chat","messages":[1]} x', None), ('{"model":"chat","messages":[1],}', None),
    ('{"model":"chat","messages":[1],"a":01}', None), ('{"model":"chat","messages":["\x01"]}', None), (b'{"model":"chat","messages":["\xff"]}', None),
    ('{"model":"chat","messages":["\\ud800\\u00"]}', None), ('{"model":"chat","messages":["open]}', None), ("[" * 100_000, None),
    ('{"model":"chat","messages":' + "[" * 100_000 + "]" * 100_000 + "}", None), ('{"messages":[1]}', "model"), ('{"model":5,"messages":[1]}', "model"),
    ('{"model":"","messages":[1]}', "model"), ('{"model":"chat"}', "messages"), ('{"model":"chat","messages":{}}', "messages"),
    ('{"model":"chat","messages":[]}', "messages"), ('{"model":"chat","messages":[1],"stream":"yes"}', "stream"),
    ('{"model":"chat","messages":[1],"max_tokens":"5"}', "max_tokens"), ('{"model":"chat","messages":[1],"stream_options":5}', "stream_options"),
    ('{"model":"chat","messages":[1],"n":"2"}', "n"), ('{"model":null,"messages":[1]}', "model"),
])
def test_broken_bodies(world, body, param):
    status, headers, text = world.post("/v1/chat/completions", body)
    error = json.loads(text)["error"]
    assert (status, error["type"], error["code"]) == (400, "invalid_request_error", "invalid_request"), text
    assert error["param"] == param and error["message"] and headers["x-request-id"]


def test_unknown_endpoints_and_methods(world):
    for method, path, status, code in [("GET", "/", 404, "unknown_url"), ("POST", "/v1/files", 404, "unknown_url"), ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
                                       ("DELETE", "/v1/models", 405, "method_not_allowed"), ("GET", "/metrics", 404, "unknown_url"), ("GET", "/admin/keys", 404, "unknown_url"),
                                       ("POST", "/v1/chat/completions/", 404, "unknown_url"), ("GET", "/v1/models/", 404, "unknown_url")]:
        got, _, body = get(world.url + path, method, headers={"authorization": "Bearer " + world.key})
        assert (got, json.loads(body)["error"]["code"]) == (status, code), (method, path)


def test_health_needs_no_key(world):
    assert get(world.url + "/healthz")[0] == 200


def test_what_the_simulator_never_hears_of_costs_nothing(world):
    sim = world.sims["vllm"]
    sim.forget()
    world.post("/v1/chat/completions", '{"model":"nothing","messages":[1]}')
    get(world.url + "/v1/chat/completions", "POST", json.dumps({"model": "chat", "messages": MESSAGES}))
    assert sim.requests() == []


def test_revoked_and_expired_keys(world):
    key = world.make_key("to-end")
    client = world.client(api_key=key)
    assert client.models.list()
    assert run("key", "revoke", "to-end", "--config", world.config).returncode == 0
    with pytest.raises(openai.AuthenticationError):
        client.models.list()
