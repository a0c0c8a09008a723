#include "gateway/outgoing.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include "base/check.h"
#include "json/patch.h"

namespace bellwether::gateway {
namespace {

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

void append_counts(std::string& out, const metering::Usage& usage) {
  fmt::format_to(std::back_inserter(out), R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{})", usage.input, usage.output,
                 usage.input + usage.output);
  if (usage.cached_input > 0) fmt::format_to(std::back_inserter(out), R"(,"prompt_tokens_details":{{"cached_tokens":{}}})", usage.cached_input);
  if (usage.reasoning_output > 0) fmt::format_to(std::back_inserter(out), R"(,"completion_tokens_details":{{"reasoning_tokens":{}}})", usage.reasoning_output);
  out += '}';
}

std::size_t choices_of(const chat::Request& chat) {
  constexpr auto most = static_cast<std::int64_t>(chat::Choices{}.size());
  const std::int64_t each = std::clamp<std::int64_t>(chat.choices, 1, most);
  return static_cast<std::size_t>(std::min(most, each * std::min(chat.prompts, most)));
}

}  // namespace

Outgoing::Outgoing(const chat::Request& chat, std::string model_quoted, Follow follow)
    : endpoint_{chat.endpoint},
      model_quoted_{std::move(model_quoted)},
      usage_asked_{chat.usage_asked},
      running_usage_asked_{chat.running_usage_asked},
      choices_{choices_of(chat)},
      request_bytes_{chat.body.size()},
      transcript_{chat.obstacle == chat::Obstacle::none && follow == Follow::no ? chat::Obstacle::no_candidate : chat.obstacle} {}

// ---- Between two upstreams ----

chat::Unfinished Outgoing::unfinished() const {
  return {.text = transcript_.text_to_continue(), .tokens = transcript_.tokens_to_continue(), .reasoned = transcript_.reasoned()};
}

void Outgoing::begin_restart() {
  const Standing standing = transcript_.standing();
  BW_CHECK(standing == Standing::unseen || standing == Standing::restartable);
  if (standing == Standing::unseen) identity_.clear();
  else stitched_ = true;
  // White space that was shown stays; the new answer's own is left out as far as it is the same.
  begin_leg(Seam{transcript_.text(), 0, Echo::never}, false);
}

void Outgoing::begin_continuation(Echo echo) {
  BW_CHECK(transcript_.standing() == Standing::continuable);
  stitched_ = true;
  begin_leg(Seam{transcript_.text(), transcript_.text_to_continue().size(), echo}, true);
}

void Outgoing::begin_leg(Seam seam, bool continues) {
  if (!stitch_) stitch_ = std::make_unique<Stitch>(Stitch{.seam = seam, .shown = {}, .spent = std::nullopt});
  Stitch& stitch = *stitch_;
  if (continues) {
    const bool counted = usage_.has_value();
    const bool input_counted = stitch.input_counted || counted;
    metering::Usage shown = usage();
    shown.output = transcript_.tokens();
    shown.reasoning_output = std::min(shown.reasoning_output, shown.output);
    stitch.shown = shown;
    stitch.input_counted = input_counted;
  }
  if (heard_) stitch.spent = stitch.spent ? *stitch.spent + leg_usage() : leg_usage();
  stitch.seam = seam;
  stitch.continues = continues;
  stitch.held_tokens = continues ? transcript_.text_tokens() : 0;
  transcript_.begin_leg();
  done_seen_ = heard_ = false;
  tokens_seen_ = 0;
  usage_.reset();
  usage_json_.clear();
  outputs_.clear();
  usage_chunk_.clear();
  failure_.reset();
}

// ---- While an upstream answers ----

Outgoing::Verdict Outgoing::on_event(std::string_view data, const chat::EventFacts& facts, json::Reader& reader, std::string& out) {
  using Kind = chat::EventFacts::Kind;
  heard_ = true;
  if (facts.usage) note_usage(facts);
  if (facts.kind == Kind::done) {
    done_seen_ = true;
    end_seam(out);
    return Verdict::done;
  }
  if (facts.failure) {
    failure_ = facts.failure;
    return Verdict::failed;
  }
  if (facts.interrupted) {
    failure_ = Failure{.reason = Reason::upstream_broken, .detail = {"the upstream broke off its answer"}};
    note_count(facts);
    return Verdict::failed;
  }
  if (stitched_) {
    const Verdict verdict = on_stitched(facts, out);
    note_count(facts);
    return verdict;
  }
  if (identity_.empty()) remember_identity(data, reader);

  Cut cuts[2];
  std::size_t count = 0;
  if (!facts.model_raw.empty() && facts.model_raw != model_quoted_) cuts[count++] = {facts.model_raw, model_quoted_};

  if (facts.kind == Kind::usage) {
    // Held back: it must be the last chunk whatever the upstream's order is, and carries what is known only at the end.
    usage_chunk_.clear();
    append_with_cuts(usage_chunk_, data, {cuts, count});
    if (facts.is_signed) {
      usage_chunk_.reserve(usage_chunk_.size() + json::padding);
      usage_chunk_ = json::without_members(usage_chunk_, chat::signature_members, reader);
    }
    usage_chunk_.resize(usage_chunk_.rfind('}'));
    return Verdict::go_on;
  }
  if (facts.kind == Kind::delta) {
    // Counts ride on deltas where vLLM was asked for running ones and where DeepSeek puts the final ones; the caller gets
    // OpenAI's shape, which is one usage chunk at the end. `null` stays where the caller asked for usage, as OpenAI has it.
    const bool stays = running_usage_asked_ || (usage_asked_ && !facts.usage);
    if (!facts.usage_raw.empty() && !stays) cuts[count++] = {with_comma(data, facts.usage_key_raw, facts.usage_raw), {}};
    if (facts.first_token) ++tokens_seen_;
    note_choices(facts);
    nulls_shown_ = nulls_shown_ || (usage_asked_ && facts.usage_raw == "null");
    transcript_.on_passed(facts);
    note_count(facts);
  }
  substance_sent_ = true;
  out += "data: ";
  append_with_cuts(out, data, {cuts, count});
  out += "\n\n";
  return Verdict::go_on;
}

void Outgoing::note_usage(const chat::EventFacts& facts) {
  usage_ = facts.usage;
  usage_json_.assign(facts.usage_raw);
  const chat::Choices all = spoken_ | facts.spoken;
  if (facts.kind != chat::EventFacts::Kind::delta || (choices_ == 1 && all.count() == 1)) return;
  // A chunk of one choice among several counts that choice alone (vLLM; wire.md §A.3.5); of all of them only a chunk of none does.
  if (facts.spoken.count() != 1) return;
  const auto choice = static_cast<std::size_t>(facts.spoken._Find_first());
  if (outputs_.size() <= choice) outputs_.resize(choice + 1);
  outputs_[choice] = facts.usage->output;
  if (all.count() == 1) return;  // The others may never come: DeepSeek's API gives one whatever it is asked for.
  usage_->output = std::accumulate(outputs_.begin(), outputs_.end(), std::int64_t{0});
  usage_->basis = std::max(usage_->basis, metering::Basis::running);
  usage_json_.clear();
}

void Outgoing::note_choices(const chat::EventFacts& facts) {
  spoken_ |= facts.spoken;
  ended_ |= facts.ended;
}

void Outgoing::note_count(const chat::EventFacts& facts) {
  if (facts.usage) transcript_.on_count(facts.usage->output - repeated());
}

std::int64_t Outgoing::repeated() const { return stitch_ && stitch_->continues ? stitch_->seam.repeated_pieces() : 0; }

Outgoing::Verdict Outgoing::on_stitched(const chat::EventFacts& facts, std::string& out) {
  // Usage is told at the end; what else carries no choice says things about an answer of which the caller knows nothing.
  if (facts.kind != chat::EventFacts::Kind::delta) return Verdict::go_on;
  if (stitch_->continues && facts.reasoning) {
    failure_ = Failure{.reason = Reason::cannot_continue, .detail = {"the upstream thinks again instead of going on"}};
    return Verdict::failed;
  }
  if (facts.first_token) ++tokens_seen_;
  Seam& seam = stitch_->seam;
  bool says_something = facts.finished || facts.reasoning || facts.refusal || facts.in_tool_call;
  if (facts.other_choice || seam.open() || facts.text_raw.empty()) {
    if (facts.finished || facts.in_tool_call) end_seam(out);
    if (!says_something && !facts.text) return Verdict::go_on;
    append_stitched(facts, nullptr, out);
    transcript_.on_passed(facts);
  } else {
    std::string text;
    if (facts.text && !seam.take(facts.text_raw, transcript_.text(), text)) {
      failure_ = Failure{.reason = Reason::upstream_broken, .detail = {"the text of an event is no JSON string"}};
      return Verdict::failed;
    }
    if (facts.finished || facts.in_tool_call) seam.end(transcript_.text(), text);
    says_something = says_something || !text.empty();
    if (!says_something) return Verdict::go_on;
    append_stitched(facts, &text, out);
    transcript_.on_passed(facts, text);
  }
  note_choices(facts);
  substance_sent_ = true;
  return Verdict::go_on;
}

/// The second upstream's choices in a chunk of the first's; `text`, where it is given, stands in the place of the chunk's own.
void Outgoing::append_stitched(const chat::EventFacts& facts, const std::string* text, std::string& out) const {
  Cut cuts[2];
  std::size_t count = 0;
  std::string quoted;
  if (!facts.role_raw.empty() && !facts.other_choice) cuts[count++] = {with_comma(facts.choices_raw, facts.role_key_raw, facts.role_raw), {}};
  if (text != nullptr && (facts.text || !text->empty())) {
    quoted = json::quote(*text);
    cuts[count++] = {facts.text_raw, quoted};
  }
  append_chunk_start(out);
  out += R"(,"choices":)";
  append_with_cuts(out, facts.choices_raw, {cuts, count});
  if (running_usage_asked_ && facts.usage) {
    out += R"(,"usage":)";
    append_counts(out, usage());
  } else if (nulls_shown_) {
    out += R"(,"usage":null)";
  }
  out += "}\n\n";
}

void Outgoing::append_text_chunk(std::string_view text, std::string& out) const {
  append_chunk_start(out);
  out += endpoint_ == chat::Endpoint::chat_completions ? R"(,"choices":[{"index":0,"delta":{"content":)" : R"(,"choices":[{"index":0,"text":)";
  json::append_quoted(out, text);
  out += endpoint_ == chat::Endpoint::chat_completions ? R"(},"finish_reason":null}])" : R"(,"finish_reason":null}])";
  if (nulls_shown_) out += R"(,"usage":null)";
  out += "}\n\n";
}

/// Passes on what was held back as a possible repetition.
void Outgoing::end_seam(std::string& out) {
  if (!stitch_) return;
  std::string text;
  stitch_->seam.end(transcript_.text(), text);
  if (text.empty()) return;
  append_text_chunk(text, out);
  transcript_.on_passed({.kind = chat::EventFacts::Kind::delta, .first_token = true, .text = true}, text);
}

void Outgoing::remember_identity(std::string_view data, json::Reader& reader) {
  const auto members = reader.outline(data);
  if (!members) return;
  for (const std::string_view name : {"id", "created", "system_fingerprint", "service_tier"}) {
    const json::Member* const member = json::find(*members, name);
    if (member == nullptr) continue;
    identity_ += member->key_raw;
    identity_ += ':';
    identity_ += member->raw;
    identity_ += ',';
  }
}

Result<void> Outgoing::judge_end() const {
  if (finished() || done_seen_) return {};
  return failed(Reason::upstream_broken, std::string("the stream ended without a finish_reason"));
}

void Outgoing::append_chunk_start(std::string& out) const {
  out += "data: {";
  out += identity_;
  out += endpoint_ == chat::Endpoint::chat_completions ? R"("object":"chat.completion.chunk","model":)" : R"("object":"text_completion","model":)";
  out += model_quoted_;
}

void Outgoing::append_end(const Signature& signature, std::string& out, Finish missing) {
  end_seam(out);
  if (spoken_.none()) spoken_.set(0);  // It told things that belong to no choice.
  for (std::size_t choice = 0; choice < spoken_.size() && substance_sent_; ++choice) {
    if (!spoken_[choice] || ended_[choice]) continue;
    append_chunk_start(out);
    fmt::format_to(std::back_inserter(out), R"(,"choices":[{{"index":{},{},"finish_reason":"{}"}}]}})", choice,
                   endpoint_ == chat::Endpoint::chat_completions ? R"("delta":{})" : R"("text":"")", missing == Finish::length ? "length" : "stop");
    out += "\n\n";
  }
  ended_ = spoken_;
  if (usage_asked_) {
    append_usage(out);
    out += R"(,"x_latency_ms":)";
    append_milliseconds(out, signature.latency);
    out += R"(,"x_source":)";
    json::append_quoted(out, signature.source);
    out += "}\n\n";
  }
  out += "data: [DONE]\n\n";
}

/// The usage chunk up to its last brace.
void Outgoing::append_usage(std::string& out) const {
  if (!usage_chunk_.empty()) {
    out += "data: ";
    out += usage_chunk_;
    return;
  }
  append_chunk_start(out);
  out += R"(,"choices":[],"usage":)";
  const bool own = !stitch_ || !stitch_->continues;
  if (own && usage_ && !usage_json_.empty()) {
    out += usage_json_;
    return;
  }
  const metering::Usage told = usage();
  append_counts(out, told);
  if (told.basis == metering::Basis::estimated) out += R"(,"x_usage_basis":"estimated")";
}

metering::Usage Outgoing::leg_usage() const { return usage_ ? *usage_ : metering::estimate(request_bytes_, static_cast<std::int64_t>(tokens_seen_)); }

metering::Usage Outgoing::usage() const {
  if (!stitch_ || !stitch_->continues) return leg_usage();
  const Stitch& stitch = *stitch_;
  metering::Usage told = stitch.shown;
  if (!heard_) return told;
  const metering::Usage leg = leg_usage();
  // White space at the end of what was shown has been said, and counted, by both.
  const std::int64_t repeated = std::min(this->repeated(), leg.output);
  if (!stitch.input_counted && usage_) {
    told.input = leg.input - (stitch.held_tokens - repeated);
    if (told.input <= 0) {
      // The upstreams do not count alike.
      told.input = metering::estimate(request_bytes_, 0).input;
      told.basis = metering::Basis::estimated;
    }
    told.cached_input = std::min(leg.cached_input, told.input);
  }
  told.output += leg.output - repeated;
  told.reasoning_output += leg.reasoning_output;
  told.basis = std::max(told.basis, leg.basis);
  told.absurd = told.absurd || leg.absurd;
  return told;
}

metering::Usage Outgoing::spent() const {
  const bool earlier = stitch_ && stitch_->spent;
  if (!earlier) return leg_usage();
  return heard_ ? *stitch_->spent + leg_usage() : *stitch_->spent;
}

}  // namespace bellwether::gateway
