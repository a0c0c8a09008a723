// The sixteen faults of issue 3 through the real npm package, from the table that test_sixteen.py reads too.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { raises, sixteen, startPair } from "./harness.mjs";

const messages = [{ role: "user", content: "양 떼를 세어 줘 🐑" }];
const tokens = 60;
let pair, whole;
before(async () => {
  pair = await startPair(tokens);
  whole = (await pair.client.chat.completions.create({ model: "whole", messages })).choices[0].message.content;
});
after(() => pair?.stop());

/// What one caller got.
async function see(model, stream) {
  const seen = { text: "", reasons: [], chunks: 0 };
  try {
    if (stream) {
      for await (const chunk of await pair.client.chat.completions.create({ model, messages, stream, stream_options: { include_usage: true } })) {
        seen.chunks++;
        seen.text += chunk.choices[0]?.delta?.content ?? "";
        if (chunk.choices[0]?.finish_reason) seen.reasons.push(chunk.choices[0].finish_reason);
        seen.source = chunk.x_source ?? seen.source;
        seen.usage = chunk.usage ?? seen.usage;
      }
    } else {
      const answer = await pair.client.chat.completions.create({ model, messages });
      Object.assign(seen, { text: answer.choices[0].message.content, reasons: [answer.choices[0].finish_reason], source: answer.x_source, usage: answer.usage });
    }
  } catch (error) {
    seen.error = error;
  }
  return seen;
}

for (const [row, wanted] of sixteen.entries()) {
  for (const mode of ["plain", "stream"]) {
    test(`${wanted.name}, ${mode}`, async () => {
      await Promise.all([pair.forget("home"), pair.forget("back")]);
      const began = Date.now();
      const seen = await see(`${row}-${mode}`, mode === "stream");
      assert.ok(Date.now() - began < (wanted.within_s ?? 30) * 1000);
      const tries = await pair.asked("home"), elsewhere = await pair.asked("back");
      assert.ok(wanted.tries[0] <= tries.length && tries.length <= wanted.tries[1], `${tries.length} tries`);
      if (wanted.refused) {
        const [status, code] = wanted.refused;
        assert.ok(seen.error instanceof raises[status], String(seen.error));
        if (code !== "*") assert.equal(seen.error.code, code);
        assert.deepEqual([seen.chunks, elsewhere.length], [0, 0]);
      } else if (mode === "stream" && wanted.stream === "in band") {
        assert.ok(seen.error instanceof OpenAI.APIError);
        assert.equal(seen.error.code, "upstream_error");
        assert.deepEqual(seen.reasons, []);
        assert.ok(seen.text.length > 0 && seen.text.length < whole.length && whole.startsWith(seen.text));
      } else {
        assert.equal(seen.error, undefined);
        assert.equal(seen.text, whole);
        assert.deepEqual(seen.reasons, ["stop"]);
        assert.equal(seen.source, `${wanted.from}-${row}`);
        assert.equal(seen.usage.completion_tokens, tokens);
        assert.equal(seen.usage.total_tokens, seen.usage.prompt_tokens + tokens);
        assert.equal(elsewhere.length > 0, wanted.from === "back");
      }
      if (wanted.first_gap_ms) assert.ok(tries[1].at_ms - tries[0].at_ms >= wanted.first_gap_ms);
      if (wanted.tries_in_3_s) assert.ok(tries.filter((one) => one.at_ms - tries[0].at_ms <= 3000).length <= wanted.tries_in_3_s);
    });
  }
}
