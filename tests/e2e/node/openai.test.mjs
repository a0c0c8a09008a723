// The callers' surface through the real npm package.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { startWorld } from "./harness.mjs";

const messages = [{ role: "user", content: "안녕" }];
const cutStreams = ["cut-role", "cut:2", "cut-token", "cut-tool", "stall:2", "broken-json:2", "error-in-stream:2"];
const finishedStreams = ["cut-finish", "no-done", "no-finish", "crlf", "comments", "one-byte", "split-utf8", "big-event", "no-usage", "negative-usage", "slow-first:300ms",
  "slow-head:300ms", "slow-drip:20ms"];
const refused = { refuse: [502, OpenAI.InternalServerError], reset: [502, OpenAI.InternalServerError], "429": [429, OpenAI.RateLimitError],
  "429-bare": [429, OpenAI.RateLimitError], "500": [502, OpenAI.InternalServerError], "503": [502, OpenAI.InternalServerError], "401": [502, OpenAI.InternalServerError],
  "402": [502, OpenAI.InternalServerError], silence: [504, OpenAI.InternalServerError], "context-length": [400, OpenAI.BadRequestError],
  "content-filter": [400, OpenAI.BadRequestError], "422": [400, OpenAI.BadRequestError], "200-error": [502, OpenAI.InternalServerError],
  "html-502": [502, OpenAI.InternalServerError] };
let world, client;
before(async () => { world = await startWorld([...cutStreams, ...finishedStreams, ...Object.keys(refused), "500-once"]); client = world.client(); });
after(() => world.stop());

async function read(model, more = {}) {
  const chunks = [];
  const stream = await client.chat.completions.create({ model, messages, stream: true, stream_options: { include_usage: true }, ...more });
  let error;
  try { for await (const chunk of stream) chunks.push(chunk); } catch (caught) { error = caught; }
  const text = chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("");
  const reasons = chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean);
  return { chunks, text, reasons, error };
}

test("a chat completion", async () => {
  const answer = await client.chat.completions.create({ model: "M", messages });
  assert.equal(answer.model, "m");
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.x_source, "sim");
  assert.ok(answer.x_latency_ms > 0);
});

test("a stream with usage", async () => {
  const { chunks, text, reasons, error } = await read("m");
  const whole = await client.chat.completions.create({ model: "m", messages });
  assert.equal(error, undefined);
  assert.equal(text, whole.choices[0].message.content);
  assert.deepEqual(reasons, ["stop"]);
  assert.equal(chunks.at(-1).usage.completion_tokens, 16);
  assert.equal(chunks.at(-1).x_source, "sim");
});

test("a stream without usage", async () => {
  const chunks = [];
  for await (const chunk of await client.chat.completions.create({ model: "m", messages, stream: true })) chunks.push(chunk);
  assert.ok(chunks.every((chunk) => chunk.choices.length === 1 && !chunk.usage));
});

test("the SDK's own stream helper", async () => {
  const final = await client.chat.completions.stream({ model: "m", messages }).finalChatCompletion();
  assert.equal(final.choices[0].finish_reason, "stop");
});

test("a tool call, put together from its pieces", async () => {
  const tools = [{ type: "function", function: { name: "get_weather", parameters: { type: "object", properties: {} } } }];
  const { chunks, reasons } = await read("m", { tools });
  const pieces = chunks.flatMap((chunk) => chunk.choices[0]?.delta?.tool_calls ?? []);
  assert.equal(JSON.parse(pieces.map((piece) => piece.function.arguments).join("")).city, "서울");
  assert.deepEqual(reasons, ["tool_calls"]);
});

for (const stream of [false, true]) {
  test(`legacy completions${stream ? ", streamed" : ""}`, async () => {
    const answer = await client.completions.create({ model: "m", prompt: "Once", max_tokens: 4, stream });
    let text = "";
    if (stream) for await (const chunk of answer) text += chunk.choices[0]?.text ?? "";
    else text = answer.choices[0].text;
    assert.ok(text.length > 4);
  });
}

test("embeddings are the same in both formats", async () => {
  const usual = await client.embeddings.create({ model: "m", input: ["a", "b"] });
  const floats = await client.embeddings.create({ model: "m", input: ["a", "b"], encoding_format: "float" });
  assert.equal(usual.data.length, 2);
  usual.data[0].embedding.forEach((value, i) => assert.ok(Math.abs(value - floats.data[0].embedding[i]) < 1e-6));
});

test("models", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes("m"));
  assert.equal((await client.models.retrieve("m")).id, "m");
  await assert.rejects(client.models.retrieve("none"), OpenAI.NotFoundError);
});

test("a wrong key", async () => {
  await assert.rejects(world.client({ apiKey: "hs_wrong" }).models.list(), (error) => {
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.equal(error.code, "invalid_api_key");
    return true;
  });
});

test("an unknown model", async () => {
  await assert.rejects(client.chat.completions.create({ model: "mm", messages }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.code, "model_not_found");
    return true;
  });
});

test("a body that makes no sense", async () => {
  await assert.rejects(client.chat.completions.create({ model: "m", messages: [] }), OpenAI.BadRequestError);
});

for (const fault of cutStreams) {
  test(`${fault}: the stream raises and never looks complete`, async () => {
    const { chunks, reasons, error } = await read(`fault-${fault}`);
    assert.ok(chunks.length > 0);
    assert.deepEqual(reasons, []);
    assert.ok(error instanceof OpenAI.APIError, String(error));
    assert.match(error.code, /^upstream_(error|timeout)$/);
  });
}

for (const fault of finishedStreams) {
  test(`${fault}: the stream is finished properly`, async () => {
    const { text, reasons, error } = await read(`fault-${fault}`);
    const whole = await client.chat.completions.create({ model: "m", messages });
    assert.equal(error, undefined);
    assert.equal(text.replaceAll("x".repeat(1 << 20), ""), whole.choices[0].message.content);
    assert.deepEqual(reasons, ["stop"]);
  });
}

for (const [fault, [status, kind]] of Object.entries(refused)) {
  for (const stream of [false, true]) {
    test(`${fault}${stream ? ", streamed" : ""}: raises ${kind.name}`, async () => {
      await assert.rejects(client.chat.completions.create({ model: `fault-${fault}`, messages, stream }), (error) => {
        assert.ok(error instanceof kind, String(error));
        assert.equal(error.status, status);
        return true;
      });
    });
  }
}

test("500-once: the SDK's own retry succeeds", async () => {
  const answer = await world.client({ maxRetries: 2 }).chat.completions.create({ model: "fault-500-once", messages });
  assert.equal(answer.choices[0].finish_reason, "stop");
});

test("an aborted stream cancels upstream", async () => {
  await fetch(`${world.sim.url}/sim/requests`, { method: "DELETE" });
  const stream = await client.chat.completions.create({ model: "fault-slow-drip:20ms", messages, stream: true });
  for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
  stream.controller.abort();
  for (let i = 0; ; i++) {
    const { requests } = await (await fetch(`${world.sim.url}/sim/requests`)).json();
    if (requests.some((request) => request.outcome === "caller_gone")) break;
    assert.ok(i < 300, "the upstream was not told");
    await new Promise((done) => setTimeout(done, 20));
  }
});
