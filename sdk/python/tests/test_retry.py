"""Trying again, and not twice over."""

import asyncio
import email.utils
import time

import httpx2
import openai
import pytest
from conftest import MESSAGES, VLLM

import holysheep
from holysheep import retry


def asked(sim, mark):
    return [request for request in sim.requests() if mark in request["body"]]


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(retry, "DELAY_FIRST", 0.001)


def test_three_attempts_are_three_requests_with_one_key(bare, sim):
    repeating = bare.with_options(max_retries=2)

    @retry.retrying(attempts=3)
    def ask():
        return repeating.chat.completions.create(model="fault-500#retry3", messages=MESSAGES)

    with pytest.raises(openai.InternalServerError):
        ask()
    sent = asked(sim, "#retry3")
    assert len(sent) == 3 and len({request["headers"]["idempotency-key"] for request in sent}) == 1


def test_nested_helpers_do_not_multiply_either(bare, sim):
    @retry.retrying(attempts=2)
    def outer():
        return inner()

    @retry.retrying(attempts=5)
    def inner():
        return bare.chat.completions.create(model="fault-500#nested", messages=MESSAGES)

    with pytest.raises(openai.InternalServerError):
        outer()
    assert len(asked(sim, "#nested")) == 2
    with pytest.raises(openai.InternalServerError):
        inner()
    assert len(asked(sim, "#nested")) == 7, "alone, it counts again"


def test_two_calls_within_one_attempt_have_two_keys(bare, sim):
    @retry.retrying(attempts=2)
    def ask():
        for _ in range(2):
            try:
                bare.chat.completions.create(model="fault-500#keys", messages=MESSAGES)
            except openai.InternalServerError as error:
                failed = error
        raise failed

    with pytest.raises(openai.InternalServerError):
        ask()
    keys = [request["headers"]["idempotency-key"] for request in asked(sim, "#keys")]
    assert keys == [keys[0], keys[1], keys[0], keys[1]] and keys[0] != keys[1]


def test_a_key_that_the_call_has_is_kept_and_no_other_is_remembered(bare, sim):
    """A batch of a hundred thousand would remember as many otherwise."""
    outer = retry.Outer()
    with retry.counted_outside(outer):
        bare.chat.completions.create(model=VLLM, messages=[{"role": "user", "content": "#own"}], extra_headers={"idempotency-key": "mine"})
    (sent,) = asked(sim, "#own")
    assert sent["headers"]["idempotency-key"] == "mine" and not outer._seen


def test_asynchronously_and_with_calls_that_wait(sim):
    @retry.retrying(attempts=3)
    async def ask(client):
        return await client.chat.completions.create(model="fault-500#async", messages=MESSAGES)

    @retry.retrying(attempts=3)
    async def once(client):
        return await client.chat.completions.create(model="fault-500-once#async", messages=MESSAGES)

    async def main():
        async with holysheep.HolySheepClient(api_key="none", key_check="off", base_url=sim.base_url) as client:
            with pytest.raises(openai.InternalServerError):
                await ask(client)
            assert (await once(client)).choices

    asyncio.run(main())
    assert len(asked(sim, "500#async")) == 3 and len(asked(sim, "once#async")) == 2


def test_what_is_in_vain_is_tried_once(bare, sim):
    @retry.retrying(attempts=3)
    def ask():
        return bare.chat.completions.create(model="fault-422#vain", messages=MESSAGES)

    with pytest.raises(openai.UnprocessableEntityError):
        ask()
    assert len(asked(sim, "#vain")) == 1
    with pytest.raises(holysheep.SettingsError, match="attempts"):
        retry.retrying(attempts=0)


def status(code, **headers):
    response = httpx2.Response(code, headers={name.replace("_", "-"): value for name, value in headers.items()}, request=httpx2.Request("POST", "http://x/"))
    return openai.APIStatusError("x", response=response, body=None)


def test_the_rules_are_the_openai_packages():
    request = httpx2.Request("POST", "http://x/")
    assert all(retry.is_transient(status(code)) for code in (408, 409, 429, 500, 503))
    assert not any(retry.is_transient(status(code)) for code in (400, 401, 402, 403, 404, 422))
    assert retry.is_transient(status(400, x_should_retry="true")) and not retry.is_transient(status(500, x_should_retry="false"))
    assert not retry.is_transient(status(429, retry_after="121")) and retry.is_transient(status(429, retry_after="120"))
    assert retry.is_transient(openai.APITimeoutError(request)) and retry.is_transient(openai.APIConnectionError(request=request))
    assert not retry.is_transient(holysheep.StreamCutError(request=request)) and not retry.is_transient(ValueError())


def test_how_long_to_wait_is_read_in_every_form():
    assert retry.retry_after({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    assert retry.retry_after({"retry-after": "2.5"}) == 2.5 and retry.retry_after({}) is None
    assert retry.retry_after({"retry-after-ms": "soon", "retry-after": "soon"}) is None
    assert 8 < retry.retry_after({"retry-after": email.utils.formatdate(time.time() + 10, usegmt=True)}) <= 10
    assert retry.retry_after({"retry-after": email.utils.formatdate(time.time() - 10, usegmt=True)}) == 0
    assert retry.delay_before(1, status(429, retry_after="3")) == 3 and retry.delay_before(60) <= retry.DELAY_MAX
