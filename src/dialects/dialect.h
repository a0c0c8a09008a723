// A dialect: what one kind of upstream wants to be asked, and what its answers mean. Pure: bytes in, facts out.
// Errors (errors.h) and events (events.h) are read by what they say rather than by who said it: every upstream of today speaks
// with several tongues in the course of its versions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/model.h"
#include "catalog/upstream.h"
#include "chat/continuation.h"
#include "chat/reply.h"
#include "chat/request.h"
#include "json/patch.h"
#include "json/reader.h"

namespace bellwether::dialects {

/// Whether an upstream can go on with an answer that another began.
enum class Prefill : std::uint8_t {
  none,      ///< It would begin a new answer.
  exact,     ///< It answers with what comes next.
  may_echo,  ///< It answers with what comes next, and may repeat the whole of what was said in front.
};

/// Stateless; lives as long as the process. Used by every lane at once. What stands here is OpenAI's own dialect and what the others
/// share with it; they override where they differ.
class Dialect {
 public:
  virtual ~Dialect() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;

  /// The path below the upstream's base_url, e.g. "/chat/completions".
  [[nodiscard]] virtual std::string_view path(chat::Endpoint endpoint) const;

  /// The body to send: the caller's, with the upstream's model name, the route's defaults where the caller set nothing, and for
  /// streams `stream_options.include_usage`. Everything else byte for byte. Appends to `out`.
  void write_body(const chat::Request& request, const catalog::RouteEntry& entry, json::Reader& reader, std::string& out) const;

  [[nodiscard]] virtual Prefill prefill() const { return Prefill::none; }

  /// The whole path of a continuation, which DeepSeek takes under /beta only. `base` is the path of the upstream's base_url.
  [[nodiscard]] virtual std::string continuation_path(std::string_view base) const;

  /// As `write_body`, for going on with an answer: the text so far becomes the assistant's message at the end, the request's bounds
  /// on tokens shrink by what was used up (to no less than 1: whoever calls this has seen that some are left), and thinking is
  /// switched off where it is over. Needs a dialect whose `prefill` is not none, and a request of which chat::find_obstacle says none.
  void write_continuation(const chat::Request& request, const catalog::RouteEntry& entry, const chat::Unfinished& unfinished, json::Reader& reader,
                          std::string& out) const;

  /// `read_refusal` for a continuation: no verdict on the request that we made of the caller's own ever surfaces (cannot_continue).
  [[nodiscard]] Failure read_refused_continuation(int status, std::string_view body, json::Reader& reader) const;

  /// What a reply with a status other than 2xx means. `body` may be anything: JSON of any shape, HTML, nothing.
  /// `retry_after_ms` of the failure is left to whoever saw the headers.
  [[nodiscard]] virtual Failure read_refusal(int status, std::string_view body, json::Reader& reader) const;

  /// A complete reply with a 2xx. Fails with upstream_broken where it is not JSON, or with what the error says where the body
  /// is `{"error":…}` in spite of its status. White space in front is accepted (DeepSeek's keep-alive).
  [[nodiscard]] virtual Result<chat::ReplyFacts> read_reply(chat::Endpoint endpoint, std::string_view body, json::Reader& reader) const;

  /// One event of a stream.
  [[nodiscard]] virtual chat::EventFacts read_event(std::string_view data, json::Reader& reader) const;

 protected:
  /// Whether counts can be had on every chunk (vLLM's continuous_usage_stats): they tell what a broken stream cost.
  [[nodiscard]] virtual bool wants_running_usage() const { return false; }

  /// A member that a continuation's body must have, with this value, whatever the caller said.
  struct Member {
    std::string_view name;
    std::string json;
  };
  /// How the dialect says that an answer goes on. `members` are those of the caller's body, by which nested values can be amended.
  struct Continued {
    std::string message;          ///< The assistant's message, as JSON.
    std::vector<Member> members;  ///< Beside it.
  };
  [[nodiscard]] virtual Continued continued(const chat::Unfinished& unfinished, std::span<const json::Member> members) const;

 private:
  void ask_for_usage(const chat::Request& request, json::Patch& patch) const;
};

/// The dialect of this name. See all.cc, which lists them.
[[nodiscard]] const Dialect& dialect_of(catalog::DialectName name);

/// "openai", "deepseek", "vllm", "llama-server": as the config spells them.
[[nodiscard]] std::string_view spelling_of(catalog::DialectName name);

}  // namespace bellwether::dialects
