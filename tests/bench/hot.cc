// The pure code that runs once or more for every request, by itself: what it costs without sockets. Google Benchmark;
// figures are for finding a regression's cause, not for the README.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "accounts/key.h"
#include "chat/request.h"
#include "dialects/dialect.h"
#include "gateway/outgoing.h"
#include "http/head.h"
#include "json/reader.h"
#include "sse/framer.h"

namespace bellwether::bench {
namespace {

/// A text with the 64 readable bytes behind it that json::Reader wants.
std::string padded(std::string text) {
  text.reserve(text.size() + json::padding);
  return text;
}

/// About 1 KB, as the load generator sends it.
std::string chat_body() {
  std::string text = R"({"messages":[{"role":"system","content":"You are a careful assistant. Answer in short, complete )"
                     R"(sentences."},{"role":"user","content":")";
  for (int i = 0; i < 12; ++i) text += "What does a bellwether do, and where does the word come from? ";
  text += R"("}],"model":"bench-model","max_tokens":128,"temperature":0.7,"stream":true,"stream_options":{"include_usage":true}})";
  return padded(std::move(text));
}

/// The head that openai-python sends.
constexpr std::string_view request_head =
    "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:8080\r\naccept-encoding: gzip, deflate\r\nconnection: keep-alive\r\n"
    "accept: application/json\r\ncontent-type: application/json\r\nuser-agent: OpenAI/Python 1.109.1\r\nx-stainless-lang: python\r\n"
    "x-stainless-package-version: 1.109.1\r\nx-stainless-os: Linux\r\nx-stainless-arch: x64\r\nx-stainless-runtime: CPython\r\n"
    "x-stainless-runtime-version: 3.11.2\r\nx-stainless-async: false\r\nx-stainless-retry-count: 0\r\nx-stainless-read-timeout: 600\r\n"
    "authorization: Bearer hs_0000000000000000000000000000000000000000\r\ncontent-length: 1024\r\n\r\n";

constexpr std::string_view token_event = R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1760000000,"model":"bench-model",)"
                                         R"("choices":[{"index":0,"delta":{"content":" sheep"},"finish_reason":null}]})"
                                         "\n\n";

void count_bytes(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(bytes));
}

void json_members_of_a_chat_body(benchmark::State& state) {
  const std::string body = chat_body();
  json::Reader reader;
  for (auto _ : state) {
    const auto members = reader.members(body);
    if (!members) return state.SkipWithError("the body was refused");
    benchmark::DoNotOptimize(json::find(*members, "model"));
  }
  count_bytes(state, body.size());
}
BENCHMARK(json_members_of_a_chat_body);

void json_outline_of_a_chat_body(benchmark::State& state) {
  const std::string body = chat_body();
  json::Reader reader;
  for (auto _ : state) {
    const auto members = reader.outline(body);
    if (!members) return state.SkipWithError("the body was refused");
    benchmark::DoNotOptimize(json::find(*members, "model"));
  }
  count_bytes(state, body.size());
}
BENCHMARK(json_outline_of_a_chat_body);

void json_outline_of_an_event(benchmark::State& state) {
  const std::string event = padded(std::string(token_event.substr(6, token_event.size() - 8)));
  json::Reader reader;
  for (auto _ : state) {
    const auto members = reader.outline(event);
    if (!members) return state.SkipWithError("the event was refused");
    benchmark::DoNotOptimize(json::find(*members, "usage"));
  }
  count_bytes(state, event.size());
}
BENCHMARK(json_outline_of_an_event);

/// One chunk from the upstream's event to the caller's, with (1) and without (0) keeping its text so that the stream could be continued
/// elsewhere: the difference is what following costs.
void relay_a_chunk(benchmark::State& state) {
  const std::string event = padded(std::string(token_event.substr(6, token_event.size() - 8)));
  const std::string body = padded(R"({"model":"bench-model","messages":[{"role":"user","content":"a"}],"stream":true})");
  json::Reader reader;
  const auto request = chat::read_request(chat::Endpoint::chat_completions, body, reader);
  if (!request) return state.SkipWithError("the request was refused");
  const dialects::Dialect& dialect = dialects::dialect_of(catalog::DialectName::vllm);
  constexpr int chunks_of_a_stream = 256;
  std::string out;
  for (auto _ : state) {
    gateway::Outgoing outgoing{*request, "\"bench-model\"", state.range(0) == 1 ? gateway::Follow::yes : gateway::Follow::no};
    for (int i = 0; i < chunks_of_a_stream; ++i) {
      out.clear();
      benchmark::DoNotOptimize(outgoing.on_event(event, dialect.read_event(event, reader), reader, out));
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * chunks_of_a_stream);
}
BENCHMARK(relay_a_chunk)->Arg(0)->Arg(1);

/// Sixteen events that come in pieces of `range(0)` bytes: whole events, and events that straddle pieces.
void sse_frame_sixteen_events(benchmark::State& state) {
  std::string stream;
  for (int i = 0; i < 16; ++i) stream += token_event;
  stream = padded(std::move(stream));
  const auto piece = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    sse::Framer framer;
    sse::Event event;
    int events = 0;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      framer.feed(std::string_view(stream).substr(at, piece));
      while (framer.next(event) == sse::Framer::Status::event) ++events;
    }
    if (events != 16) return state.SkipWithError("an event was lost");
  }
  count_bytes(state, stream.size());
}
BENCHMARK(sse_frame_sixteen_events)->Arg(100)->Arg(static_cast<long>(token_event.size()))->Arg(65536);

void key_digest(benchmark::State& state) {
  const std::string key = "hs_0000000000000000000000000000000000000000";
  for (auto _ : state) benchmark::DoNotOptimize(accounts::digest_of(key));
}
BENCHMARK(key_digest);

void http_request_head(benchmark::State& state) {
  http::RequestHead head;
  for (auto _ : state) {
    std::size_t scanned = 0;
    if (http::parse_request_head(request_head, scanned, head).status != http::HeadResult::Status::complete) {
      return state.SkipWithError("the head was refused");
    }
    benchmark::DoNotOptimize(head);
  }
  count_bytes(state, request_head.size());
}
BENCHMARK(http_request_head);

}  // namespace
}  // namespace bellwether::bench
