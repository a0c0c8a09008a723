#include "gateway/outgoing.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace bellwether::gateway {
namespace {

// Where nobody counts tokens: four bytes a token is OpenAI's rule of thumb for English. Marked as an estimate wherever it shows.
constexpr std::size_t bytes_per_token = 4;

/// A stretch of the data that is left out or replaced.
struct Cut {
  std::string_view removed;
  std::string_view inserted;
};

/// The member's text together with the comma that belongs to it.
std::string_view with_comma(std::string_view data, std::string_view key_raw, std::string_view value_raw) {
  const char* begin = key_raw.data();
  const char* end = value_raw.data() + value_raw.size();
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  const char* before = begin;
  while (before > data.data() && blank(before[-1])) --before;
  if (before > data.data() && before[-1] == ',') return {before - 1, static_cast<std::size_t>(end - before + 1)};
  while (end < data.data() + data.size() && blank(*end)) ++end;
  if (end < data.data() + data.size() && *end == ',') ++end;
  return {begin, static_cast<std::size_t>(end - begin)};
}

void append_with_cuts(std::string& out, std::string_view data, std::span<Cut> cuts) {
  std::ranges::sort(cuts, {}, [](const Cut& cut) { return cut.removed.data(); });
  const char* at = data.data();
  for (const Cut& cut : cuts) {
    out.append(at, cut.removed.data());
    out += cut.inserted;
    at = cut.removed.data() + cut.removed.size();
  }
  out.append(at, data.data() + data.size());
}

void append_estimate(std::string& out, const metering::Usage& usage) {
  fmt::format_to(std::back_inserter(out), R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{}}})", usage.input, usage.output,
                 usage.input + usage.output);
}

}  // namespace

Outgoing::Outgoing(const chat::Request& chat, std::string model_quoted)
    : endpoint_{chat.endpoint},
      model_quoted_{std::move(model_quoted)},
      usage_asked_{chat.usage_asked},
      running_usage_asked_{chat.running_usage_asked},
      request_bytes_{chat.body.size()} {}

Outgoing::Verdict Outgoing::on_event(std::string_view data, const chat::EventFacts& facts, json::Reader& reader, std::string& out) {
  using Kind = chat::EventFacts::Kind;
  if (facts.kind == Kind::done) {
    done_seen_ = true;
    return Verdict::done;
  }
  if (facts.failure) {
    failure_ = facts.failure;
    return Verdict::failed;
  }
  if (facts.interrupted) {
    failure_ = Failure{.reason = Reason::upstream_broken, .detail = {"the upstream broke off its answer"}};
    return Verdict::failed;
  }
  if (facts.usage) {
    usage_ = facts.usage;
    usage_json_.assign(facts.usage_raw);
  }
  if (identity_.empty()) remember_identity(data, reader);

  Cut cuts[2];
  std::size_t count = 0;
  if (!facts.model_raw.empty() && facts.model_raw != model_quoted_) cuts[count++] = {facts.model_raw, model_quoted_};

  if (facts.kind == Kind::usage) {
    // Held back: it must be the last chunk whatever the upstream's order is, and carries what is known only at the end.
    usage_chunk_.clear();
    append_with_cuts(usage_chunk_, data, {cuts, count});
    usage_chunk_.resize(usage_chunk_.rfind('}'));
    return Verdict::go_on;
  }
  if (facts.kind == Kind::delta) {
    // Counts ride on deltas where vLLM was asked for running ones and where DeepSeek puts the final ones; the caller gets
    // OpenAI's shape, which is one usage chunk at the end. `null` stays where the caller asked for usage, as OpenAI has it.
    const bool stays = running_usage_asked_ || (usage_asked_ && !facts.usage);
    if (!facts.usage_raw.empty() && !stays) cuts[count++] = {with_comma(data, facts.usage_key_raw, facts.usage_raw), {}};
    if (facts.first_token) ++tokens_seen_;
    finished_ = finished_ || facts.finished;
  }
  substance_sent_ = true;
  out += "data: ";
  append_with_cuts(out, data, {cuts, count});
  out += "\n\n";
  return Verdict::go_on;
}

void Outgoing::remember_identity(std::string_view data, json::Reader& reader) {
  const auto members = reader.outline(data);
  if (!members) return;
  if (const json::Member* id = json::find(*members, "id")) identity_ += "\"id\":" + std::string(id->raw) + ",";
  if (const json::Member* created = json::find(*members, "created")) identity_ += "\"created\":" + std::string(created->raw) + ",";
}

Result<void> Outgoing::judge_end() const {
  if (finished_ || done_seen_) return {};
  return failed(Reason::upstream_broken, std::string("the stream ended without a finish_reason"));
}

void Outgoing::append_chunk_start(std::string& out) const {
  out += "data: {";
  out += identity_;
  out += endpoint_ == chat::Endpoint::chat_completions ? R"("object":"chat.completion.chunk","model":)" : R"("object":"text_completion","model":)";
  out += model_quoted_;
}

void Outgoing::append_end(const Signature& signature, std::string& out) {
  if (!finished_ && substance_sent_) {
    append_chunk_start(out);
    out += endpoint_ == chat::Endpoint::chat_completions ? R"(,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})"
                                                         : R"(,"choices":[{"index":0,"text":"","finish_reason":"stop"}]})";
    out += "\n\n";
    finished_ = true;
  }
  if (usage_asked_) {
    if (!usage_chunk_.empty()) {
      out += "data: ";
      out += usage_chunk_;
    } else {
      append_chunk_start(out);
      out += R"(,"choices":[],"usage":)";
      if (usage_) {
        out += usage_json_;
      } else {
        append_estimate(out, usage());
        out += R"(,"x_usage_basis":"estimated")";
      }
    }
    out += R"(,"x_latency_ms":)";
    append_milliseconds(out, signature.latency);
    out += R"(,"x_source":)";
    json::append_quoted(out, signature.source);
    out += "}\n\n";
  }
  out += "data: [DONE]\n\n";
}

metering::Usage Outgoing::usage() const {
  if (usage_) return *usage_;
  return {.input = static_cast<std::int64_t>(request_bytes_ / bytes_per_token),
          .output = static_cast<std::int64_t>(tokens_seen_),
          .basis = metering::Basis::estimated};
}

}  // namespace bellwether::gateway
