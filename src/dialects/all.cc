// The dialects that there are. Adding one is adding a class and a row.
#include <array>

#include "base/check.h"
#include "dialects/dialect.h"

namespace bellwether::dialects {
namespace {

using catalog::DialectName;

class OpenAi final : public Dialect {
 public:
  [[nodiscard]] std::string_view name() const override { return "openai"; }
};

/// Usage rides on the last chunk with choices, blank lines and comments come while it queues (wire.md §B.5, B.7): the common
/// reading covers both.
class DeepSeek final : public Dialect {
 public:
  [[nodiscard]] std::string_view name() const override { return "deepseek"; }
  /// Documented as giving the continuation only; Mistral, whose way this is too, repeats the prefix (wire.md §F.1).
  [[nodiscard]] Prefill prefill() const override { return Prefill::may_echo; }
  /// `/beta` stands in the place of `/v1`, which DeepSeek takes for the same as nothing (wire.md §B.1).
  [[nodiscard]] std::string continuation_path(std::string_view base) const override {
    while (base.ends_with('/')) base.remove_suffix(1);
    if (base.ends_with("/v1")) base.remove_suffix(3);
    return std::string(base) + (base.ends_with("/beta") ? "" : "/beta") + std::string(path(chat::Endpoint::chat_completions));
  }

 protected:
  /// Thinking is on unless it is switched off, and would come before the text goes on.
  [[nodiscard]] Continued continued(const chat::Unfinished& unfinished, std::span<const json::Member>) const override {
    return {.message = R"({"role":"assistant","content":)" + json::quote(unfinished.text) + R"(,"prefix":true})",
            .members = {{"thinking", R"({"type":"disabled"})"}}};
  }
};

/// The caller's chat_template_kwargs, with thinking switched off: it is over. Templates without such a switch ignore it.
std::string without_thinking(std::span<const json::Member> members) {
  const json::Member* const given = json::find(members, "chat_template_kwargs");
  if (given == nullptr || given->kind != json::Kind::object) return R"({"enable_thinking":false})";
  json::Reader nested;
  const auto inside = nested.outline(given->raw);
  if (!inside) return R"({"enable_thinking":false})";
  json::Patch patch{given->raw};
  const json::Member* const enabled = json::find(*inside, "enable_thinking");
  if (enabled != nullptr) patch.replace(enabled->raw, "false");
  else patch.add_member(given->raw, "enable_thinking", "false");
  return patch.apply();
}

class Vllm final : public Dialect {
 public:
  [[nodiscard]] std::string_view name() const override { return "vllm"; }
  [[nodiscard]] Prefill prefill() const override { return Prefill::exact; }

 protected:
  /// Both flags, always: leaving out the one that is on by default is refused (wire.md §F.1).
  [[nodiscard]] Continued continued(const chat::Unfinished& unfinished, std::span<const json::Member> members) const override {
    Continued continued = Dialect::continued(unfinished, members);
    continued.members = {{"add_generation_prompt", "false"}, {"continue_final_message", "true"}};
    // Where the answer was thought over, a parser might take the rest of it for thoughts.
    if (unfinished.reasoned) continued.members.push_back({"chat_template_kwargs", without_thinking(members)});
    return continued;
  }
  [[nodiscard]] bool wants_running_usage() const override { return true; }
};

class LlamaServer final : public Dialect {
 public:
  [[nodiscard]] std::string_view name() const override { return "llama-server"; }
  /// A trailing message of the assistant is enough, unless it was started with --no-prefill-assistant (wire.md §F.1).
  [[nodiscard]] Prefill prefill() const override { return Prefill::exact; }

 protected:
  [[nodiscard]] Continued continued(const chat::Unfinished& unfinished, std::span<const json::Member> members) const override {
    Continued continued = Dialect::continued(unfinished, members);
    // Older builds: "Assistant response prefill is incompatible with enable_thinking."
    if (unfinished.reasoned) continued.members.push_back({"chat_template_kwargs", without_thinking(members)});
    return continued;
  }
};

const OpenAi openai;
const DeepSeek deepseek;
const Vllm vllm;
const LlamaServer llama_server;

// In the order of the enum, so that the name is the index.
const std::array<const Dialect*, 4> all{&openai, &deepseek, &vllm, &llama_server};

}  // namespace

const Dialect& dialect_of(DialectName name) {
  const auto index = static_cast<std::size_t>(name);
  BW_CHECK(index < all.size());
  return *all[index];
}

std::string_view spelling_of(DialectName name) { return dialect_of(name).name(); }

}  // namespace bellwether::dialects
