// The callers' surface through the real npm package: every endpoint, every class of error, every fault, each streamed and not.
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { dialects, faults, raises, startWorld } from "./harness.mjs";

const messages = [{ role: "user", content: "안녕" }];
let world, client;
before(async () => { world = await startWorld(); client = world.client(); });
after(() => world?.stop());

async function read(model, more = {}) {
  const chunks = [];
  const stream = await client.chat.completions.create({ model, messages, stream: true, stream_options: { include_usage: true }, ...more });
  let error;
  try { for await (const chunk of stream) chunks.push(chunk); } catch (caught) { error = caught; }
  const text = chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("");
  const reasons = chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean);
  return { chunks, text, reasons, error };
}

/// Asks, and looks at the error: its class, status and code, and the headers that come with it.
async function refused(ask, status, code) {
  let error;
  await assert.rejects(ask, (caught) => { error = caught; return true; });
  assert.ok(error instanceof raises[status], String(error));
  assert.equal(error.status, status);
  if (code !== "*") assert.equal(error.code, code);
  assert.match(error.headers.get("x-request-id"), /^req_/);
  assert.equal(error.requestID, error.headers.get("x-request-id"));
  assert.ok(error.error.message && !error.error.message.includes("127.0.0.1"));
  return error;
}

for (const dialect of dialects) {
  test(`${dialect}: a chat completion`, async () => {
    const { data: answer, response } = await client.chat.completions.create({ model: `M-${dialect}`, messages }).withResponse();
    assert.equal(answer.model, `m-${dialect}`);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.usage.completion_tokens, 16);
    assert.equal(answer.x_source, dialect);
    assert.ok(answer.x_latency_ms > 0);
    assert.equal(response.headers.get("x-bellwether-upstream"), dialect);
    assert.match(response.headers.get("x-request-id"), /^req_/);
  });

  test(`${dialect}: a stream with usage`, async () => {
    const { chunks, text, reasons, error } = await read(`m-${dialect}`);
    const whole = await client.chat.completions.create({ model: `m-${dialect}`, messages });
    assert.equal(error, undefined);
    assert.equal(text, whole.choices[0].message.content);
    assert.deepEqual(reasons, ["stop"]);
    assert.equal(chunks.at(-1).usage.completion_tokens, 16);
    assert.equal(chunks.at(-1).x_source, dialect);
  });

  test(`${dialect}: a stream without usage`, async () => {
    const chunks = [];
    for await (const chunk of await client.chat.completions.create({ model: `m-${dialect}`, messages, stream: true })) chunks.push(chunk);
    assert.ok(chunks.every((chunk) => chunk.choices.length === 1 && !chunk.usage));
  });

  test(`${dialect}: a tool call, put together from its pieces and whole`, async () => {
    const tools = [{ type: "function", function: { name: "get_weather", parameters: { type: "object", properties: {} } } }];
    const { chunks, reasons } = await read(`m-${dialect}`, { tools });
    const pieces = chunks.flatMap((chunk) => chunk.choices[0]?.delta?.tool_calls ?? []);
    assert.equal(JSON.parse(pieces.map((piece) => piece.function.arguments).join("")).city, "서울");
    assert.deepEqual(reasons, ["tool_calls"]);
    const whole = await client.chat.completions.create({ model: `m-${dialect}`, messages, tools });
    assert.equal(JSON.parse(whole.choices[0].message.tool_calls[0].function.arguments).city, "서울");
  });

  for (const stream of [false, true]) {
    test(`${dialect}: legacy completions${stream ? ", streamed" : ""}`, async () => {
      const answer = await client.completions.create({ model: `m-${dialect}`, prompt: "Once", max_tokens: 4, stream });
      let text = "", reason;
      if (stream) for await (const chunk of answer) { text += chunk.choices[0]?.text ?? ""; reason = chunk.choices[0]?.finish_reason ?? reason; }
      else ({ text, finish_reason: reason } = answer.choices[0]);
      assert.ok(text.length > 4);
      assert.equal(reason, "length");
    });
  }

  test(`${dialect}: embeddings are the same in both formats`, async () => {
    const usual = await client.embeddings.create({ model: `m-${dialect}`, input: ["a", "b"] });
    const floats = await client.embeddings.create({ model: `m-${dialect}`, input: ["a", "b"], encoding_format: "float" });
    assert.equal(usual.data.length, 2);
    assert.equal(usual.data[0].embedding.length, 16);
    usual.data[0].embedding.forEach((value, i) => assert.ok(Math.abs(value - floats.data[0].embedding[i]) < 1e-6));
  });
}

test("the SDK's own stream helper", async () => {
  const final = await client.chat.completions.stream({ model: "m-vllm", messages }).finalChatCompletion();
  assert.equal(final.choices[0].finish_reason, "stop");
});

test("models", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes("m-vllm"));
  assert.equal((await client.models.retrieve("m-vllm")).id, "m-vllm");
  assert.equal((await client.models.retrieve("vllm/cut:2")).id, "vllm/cut:2");
  await refused(client.models.retrieve("none"), 404, "model_not_found");
});

// ---- The error table ----

for (const stream of [false, true]) {
  const how = stream ? ", streamed" : "";
  const ask = (model, by = client, more = {}) => by.chat.completions.create({ model, messages, stream, ...more });

  test(`a wrong key${how}`, async () => {
    const error = await refused(ask("m-vllm", world.client({ apiKey: "hs_wrong-and-long-enough-to-be-cut" })), 401, "invalid_api_key");
    assert.match(error.error.message, /^Incorrect API key provided/);
    assert.ok(!error.message.includes("hs_wrong-and-long"));
  });

  test(`a revoked key${how}`, async () => {
    const key = world.makeKey(`to-end${how}`);
    const by = world.client({ apiKey: key });
    await ask("m-vllm", by);
    world.revokeKey(`to-end${how}`);
    await refused(ask("m-vllm", by), 401, "invalid_api_key");
  });

  test(`a key that may not use the model${how}`, async () => {
    const by = world.client({ apiKey: world.makeKey(`held${how}`, "--models", "m-openai") });
    await ask("m-openai", by);
    await refused(ask("m-vllm", by), 403, "model_forbidden");
  });

  test(`an unknown model${how}`, async () => {
    const error = await refused(ask("m-vlm"), 400, "model_not_found");
    assert.match(error.error.message, /^Model not found: m-vlm.*m-vllm/s);
  });

  test(`a body that makes no sense${how}`, async () => {
    const error = await refused(ask("m-vllm", client, { messages: [] }), 400, "invalid_request");
    assert.equal(error.param, "messages");
  });

  test(`a body that is too large${how}`, async () => {
    await refused(ask("m-vllm", client, { messages: [{ role: "user", content: "x".repeat(1 << 20) }] }), 413, "request_too_large");
  });

  test(`an upstream that nobody can reach${how}`, async () => {
    await refused(ask("dead"), 503, "upstream_unavailable");
  });

  test(`retry-after goes with a 429${how}`, async () => {
    const error = await refused(ask("vllm/429"), 429, "rate_limit_exceeded");
    assert.equal(error.headers.get("retry-after"), "1");
    assert.equal(error.headers.get("retry-after-ms"), "1000");
    assert.equal((await refused(ask("vllm/429-bare"), 429, "rate_limit_exceeded")).headers.get("retry-after"), null);
  });
}

test("a gateway that is full says so", async () => {
  const { hostname, port } = new URL(world.url);
  const connections = [];
  const served = (socket) => new Promise((done, failed) => { socket.once("data", done); socket.once("error", failed); });
  try {
    for (let full = false; !full;) {  // the SDK's own idle connections count too
      const socket = net.connect(port, hostname);
      connections.push(socket);
      socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
      full = (await served(socket)).toString().startsWith("HTTP/1.1 503");
      assert.ok(connections.length <= 41);
    }
    const fresh = world.client({ baseURL: `http://localhost:${port}/v1` });  // another name: no connection of before is used again
    await assert.rejects(fresh.models.list(), (error) => {
      assert.ok(error instanceof OpenAI.InternalServerError, String(error));
      assert.equal(error.status, 503);
      assert.equal(error.code, "overloaded");
      assert.equal(error.headers.get("retry-after"), "1");
      return true;
    });
  } finally {
    for (const socket of connections) socket.destroy();
  }
});

test("500-once: the SDK's own retry succeeds", async () => {
  const answer = await world.client({ maxRetries: 2 }).chat.completions.create({ model: "vllm/500-once", messages });
  assert.equal(answer.choices[0].finish_reason, "stop");
});

// ---- Every fault of the simulator, in every dialect ----

for (const [fault, said] of Object.entries(faults)) {
  if (said.plain === "twice") continue;
  const streamed = said.stream ?? said.plain;

  test(`${fault}: ${JSON.stringify(said.plain)}`, () => Promise.all(dialects.map(async (dialect) => {
    const ask = () => client.chat.completions.create({ model: `${dialect}/${fault}`, messages });
    if (said.plain !== "ok") return refused(ask(), ...said.plain);
    const answer = await ask();
    assert.ok(answer.choices[0].message.content);
    assert.equal(answer.x_source, dialect);
  })));

  test(`${fault}, streamed: ${JSON.stringify(streamed)}`, () => Promise.all(dialects.map(async (dialect) => {
    if (Array.isArray(streamed)) return refused(read(`${dialect}/${fault}`), ...streamed);
    const { chunks, text, reasons, error } = await read(`${dialect}/${fault}`);
    if (streamed === "in band") {
      assert.ok(chunks.length > 0);
      assert.deepEqual(reasons, []);
      assert.ok(error instanceof OpenAI.APIError, String(error));
      assert.match(error.code, /^upstream_(error|timeout)$/);
      return;
    }
    const whole = await client.chat.completions.create({ model: `m-${dialect}`, messages });
    assert.equal(error, undefined);
    assert.equal(text.replaceAll("x".repeat(1 << 20), ""), whole.choices[0].message.content);
    assert.deepEqual(reasons, ["stop"]);
  })));
}

for (const [fault, code] of [["cut:2", "upstream_error"], ["stall:2", "upstream_timeout"]]) {
  test(`${fault}: a legacy completion that was cut raises`, async () => {
    const texts = [];
    await assert.rejects(async () => {
      for await (const chunk of await client.completions.create({ model: `vllm/${fault}`, prompt: "Once", stream: true })) texts.push(chunk.choices[0].text);
    }, (error) => error instanceof OpenAI.APIError && error.code === code);
    assert.ok(texts.length > 0);
    await assert.rejects(client.completions.create({ model: `vllm/${fault}`, prompt: "Once" }), OpenAI.InternalServerError);
  });
}

test("an aborted stream cancels upstream", async () => {
  const requests = `${world.sims.vllm.url}/sim/requests`;
  await fetch(requests, { method: "DELETE" });
  const stream = await client.chat.completions.create({ model: "vllm/slow-drip:20ms", messages, stream: true });
  for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
  stream.controller.abort();
  for (let i = 0; ; i++) {
    if ((await (await fetch(requests)).json()).requests.some((request) => request.outcome === "caller_gone")) break;
    assert.ok(i < 300, "the upstream was not told");
    await new Promise((done) => setTimeout(done, 20));
  }
});
