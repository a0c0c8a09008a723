"""Every fault of the simulator, through the real openai package: what a caller gets, and that nothing cut passes for complete."""
import json
import re
import threading

import openai
import pytest

from conftest import FAULTS, RAISES, Gateway, Simulator, config_for, run

MESSAGES = [{"role": "user", "content": "count"}]
DIALECTS = ["vllm", "deepseek", "llama-server", "openai"]

PLAIN = {fault: said["plain"] for fault, said in FAULTS.items() if said["plain"] != "twice"}
STREAM = {fault: FAULTS[fault].get("stream", plain) for fault, plain in PLAIN.items()}


def test_every_fault_of_the_simulator_is_here():
    """The program's own list (an unknown fault is told all of them) against the table that both SDKs' tests run over."""
    told = run("sim", "--fault", "no-such-fault").stderr.split("there are", 1)[1].split("\n")[0]
    assert {re.sub(r"\[:.*\]", "", name.strip()) for name in told.split(",")} == {fault.split(":")[0] for fault in FAULTS}


def check(caught, status, code):
    error = caught.value
    assert type(error) is RAISES[status] and error.status_code == status
    assert code == "*" or error.code == code, error.body
    assert error.body["message"] and "127.0.0.1" not in str(error.body)
    assert error.response.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", PLAIN)
def test_plain(client, dialect, fault):
    ask = lambda: client.chat.completions.create(model=f"{dialect}/{fault}", messages=MESSAGES)
    if PLAIN[fault] == "ok":
        answer = ask()
        assert answer.choices[0].message.content and answer.x_source == dialect
        return
    with pytest.raises(openai.APIStatusError) as caught:
        ask()
    check(caught, *PLAIN[fault])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", STREAM)
def test_stream(client, dialect, fault):
    chunks = []

    def ask():
        for chunk in client.chat.completions.create(model=f"{dialect}/{fault}", messages=MESSAGES, stream=True, stream_options={"include_usage": True}):
            chunks.append(chunk)

    expected = STREAM[fault]
    if expected == "ok":
        ask()
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        whole = client.chat.completions.create(model=f"m-{dialect}", messages=MESSAGES).choices[0].message.content
        assert text.replace("x" * 1_048_576, "") == whole
        assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
        # What an upstream counted goes to the caller as it came, true or not; our own books say when it cannot be (below).
        assert chunks[-1].usage.completion_tokens == (-5 if fault == "negative-usage" else 12) or fault == "no-usage"
        assert chunks[-1].x_source == dialect
    elif expected == "in band":
        with pytest.raises(openai.APIError) as caught:
            ask()
        assert chunks and not any(c.choices and c.choices[0].finish_reason for c in chunks)
        assert caught.value.code in ("upstream_error", "upstream_timeout")
    else:
        with pytest.raises(openai.APIStatusError) as caught:
            ask()
        assert not chunks
        check(caught, *expected)


@pytest.mark.parametrize("fault", ["cut:2", "stall:2"])
def test_a_cut_stream_has_no_done_and_no_proper_end(world, fault):
    with world.connect() as connection:
        body = json.dumps({"model": f"vllm/{fault}", "messages": MESSAGES, "stream": True})
        connection.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {world.key}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert b'data: {"error":' in received and b"[DONE]" not in received and not received.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("fault, code", [("cut:2", "upstream_error"), ("stall:2", "upstream_timeout"), ("broken-json:2", "upstream_error"), ("error-in-stream:2", "upstream_error")])
def test_a_cut_legacy_completion_raises_too(client, fault, code):
    texts = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.completions.create(model=f"vllm/{fault}", prompt="Once", stream=True):
            texts += [choice.text for choice in chunk.choices]
            assert not any(choice.finish_reason for choice in chunk.choices)
    assert texts and caught.value.code == code
    with pytest.raises(openai.InternalServerError):
        client.completions.create(model=f"vllm/{fault}", prompt="Once")


@pytest.mark.parametrize("fault", ["cut-finish", "no-done"])
def test_a_legacy_completion_that_is_all_there_is_finished(client, fault):
    chunks = list(client.completions.create(model=f"vllm/{fault}", prompt="Once", stream=True))
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == ["stop"]


@pytest.mark.parametrize("fault", ["refuse", "429", "503", "silence", "200-error", "context-length"])
def test_embeddings_raise_as_the_others_do(client, fault):
    with pytest.raises(openai.APIStatusError) as caught:
        client.embeddings.create(model=f"vllm/{fault}", input="x")
    check(caught, *PLAIN[fault])


def test_500_once_is_gone_the_second_time(world, client):
    world.sims["vllm"].fault(None)  # forgets who asked before
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="vllm/500-once", messages=MESSAGES)
    assert client.chat.completions.create(model="vllm/500-once", messages=MESSAGES).choices


def test_retry_after_comes_from_the_upstream(world):
    status, headers, _ = world.post("/v1/chat/completions", {"model": "vllm/429", "messages": MESSAGES})
    assert (status, headers["retry-after"]) == (429, "1")
    status, headers, _ = world.post("/v1/chat/completions", {"model": "vllm/429-bare", "messages": MESSAGES})
    assert (status, headers["retry-after"]) == (429, None)


def test_the_sdk_retries_what_it_should(world):
    world.sims["openai"].fault(None)
    with world.client(max_retries=2) as client:
        assert client.chat.completions.create(model="openai/500-once", messages=MESSAGES).choices
    assert world.log_line(lambda line: line.get("retry_count") == 1)


def test_absurd_usage_is_flagged_never_negative(world, client):
    before = world.metric("bellwether_usage_absurd_total")
    answer = client.chat.completions.create(model="vllm/negative-usage", messages=MESSAGES)
    assert answer.choices[0].message.content
    assert world.log_line(lambda line: line.get("model") == "vllm/negative-usage")["output_tokens"] >= 0
    assert world.metric("bellwether_usage_absurd_total") > before


def test_missing_usage_is_estimated_and_says_so(world, client):
    chunks = list(client.chat.completions.create(model="vllm/no-usage", messages=MESSAGES, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens > 0
    assert world.log_line(lambda line: line.get("model") == "vllm/no-usage" and line.get("stream"))["usage_basis"] in ("estimated", "running")


def test_a_caller_that_hangs_up_cancels_upstream(world):
    sim = world.sims["vllm"]
    sim.forget()
    client = world.client()
    stream = client.chat.completions.create(model="vllm/slow-drip:20ms", messages=MESSAGES, stream=True)
    next(iter(stream))
    stream.close()
    client.close()
    seen = sim.wait_for(lambda request: request["outcome"] == "caller_gone")
    assert seen["tokens_sent"] < 12
    line = world.log_line(lambda line: line.get("caller_gone") and line.get("stream"))
    assert line["status"] == 499


@pytest.mark.parametrize("fault", ["silence", "slow-head:1400ms"])
def test_a_caller_that_hangs_up_before_anything_came_cancels_upstream(world, fault):
    sim = world.sims["openai"]
    sim.forget()
    with world.connect() as connection:
        body = json.dumps({"model": f"openai/{fault}" if fault == "silence" else "openai/silence", "messages": MESSAGES})
        connection.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {world.key}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        sim.wait_for(lambda request: request["outcome"] == "open")
    assert sim.wait_for(lambda request: request["outcome"] == "caller_gone")["tokens_sent"] == 0


# ---- Fallback ----

BEFORE_ANYTHING_WAS_SENT = ["refuse", "reset", "429", "500", "503", "401", "402", "silence", "200-error", "html-502", "error-in-stream:0"]
CALLERS_FAULT = ["context-length", "content-filter", "422"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A route of two: one that fails, one that is well."""
    folder = tmp_path_factory.mktemp("pair")
    first = Simulator(folder, "--flavor", "deepseek", "--model", "m", name="first")
    second = Simulator(folder, "--flavor", "vllm", "--model", "m", name="second")
    gateway = Gateway(folder, config_for(folder, {"first": ("deepseek", first.url), "second": ("vllm", second.url), "dead": ("openai", "http://127.0.0.1:1")},
                                         # A model for each fault: what one did to its upstream's standing is not the next one's.
                                         [(f"{fault}{n}", f'[{{ upstream = "first", model = "fault-{fault}#{n}" }}, {{ upstream = "second", model = "m" }}]')
                                          for fault in BEFORE_ANYTHING_WAS_SENT + CALLERS_FAULT for n in (0, 1)] + [("dead-first", '[{upstream="dead", model="m"}, {upstream="second", model="m"}]'),
                                          ("dead-only", '["dead"]')], "[compat]\nunknown_model_status = 404\n"))
    gateway.first, gateway.second = first, second
    yield gateway
    for process in (gateway, first, second):
        process.stop()


# A stream whose first event is an error has begun: test_rescue.py has it.
@pytest.mark.parametrize("fault, stream", [(fault, stream) for fault in BEFORE_ANYTHING_WAS_SENT for stream in (False, True) if not (stream and fault.startswith("error"))])
def test_fallback_while_nothing_was_sent(pair, fault, stream):
    with pair.client() as client:
        raw = client.chat.completions.with_raw_response.create(model=f"{fault}{int(stream)}", messages=MESSAGES, stream=stream)
        if stream:
            assert list(raw.parse())[-1].choices[0].finish_reason == "stop"
        else:
            assert raw.parse().x_source == "second"
        assert (raw.headers["x-bellwether-upstream"], raw.headers["x-bellwether-attempts"]) == ("second", "2")


@pytest.mark.parametrize("fault", CALLERS_FAULT)
def test_no_fallback_for_what_is_the_callers_fault(pair, fault):
    pair.second.forget()
    with pair.client() as client, pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=f"{fault}0", messages=MESSAGES)
    assert pair.second.requests() == []


def test_a_dead_upstream(pair):
    with pair.client() as client:
        assert client.chat.completions.create(model="dead-first", messages=MESSAGES).x_source == "second"
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model="dead-only", messages=MESSAGES)
    assert (caught.value.status_code, caught.value.code) == (503, "upstream_unavailable")
    assert "127.0.0.1" not in caught.value.body["message"]


def test_unknown_models_can_be_404(pair):
    with pair.client() as client, pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nothing", messages=MESSAGES)


def test_many_streams_at_once(world):
    errors = []

    def one():
        try:
            with world.client() as client:
                for _ in range(5):
                    chunks = list(client.chat.completions.create(model="m-openai", messages=MESSAGES, stream=True))
                    assert chunks[-1].choices[0].finish_reason == "stop"
        except Exception as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert world.metric("bellwether_inflight_requests") == 0
