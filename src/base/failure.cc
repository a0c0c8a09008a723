#include "base/failure.h"

#include "base/check.h"

namespace bellwether {
namespace {

using enum Reason;

// In the order of the enum, so that the reason is the index.
constexpr std::array meanings{
    Meaning{key_rejected, "key_rejected", 401, "invalid_request_error", "invalid_api_key", Blame::caller, Next::give_up},
    Meaning{model_forbidden, "model_forbidden", 403, "invalid_request_error", "model_forbidden", Blame::caller, Next::give_up},
    Meaning{request_malformed, "request_malformed", 400, "invalid_request_error", "invalid_request", Blame::caller, Next::give_up},
    Meaning{request_too_large, "request_too_large", 413, "invalid_request_error", "request_too_large", Blame::caller, Next::give_up},
    Meaning{request_too_slow, "request_too_slow", 408, "invalid_request_error", "request_timeout", Blame::caller, Next::give_up},
    Meaning{endpoint_unknown, "endpoint_unknown", 404, "invalid_request_error", "unknown_url", Blame::caller, Next::give_up},
    Meaning{method_not_allowed, "method_not_allowed", 405, "invalid_request_error", "method_not_allowed", Blame::caller, Next::give_up},
    Meaning{model_unknown, "model_unknown", 400, "invalid_request_error", "model_not_found", Blame::caller, Next::give_up},
    Meaning{expectation_failed, "expectation_failed", 417, "invalid_request_error", "expectation_failed", Blame::caller, Next::give_up},
    Meaning{encoding_unknown, "encoding_unknown", 415, "invalid_request_error", "unsupported_content_encoding", Blame::caller, Next::give_up},
    Meaning{not_built_yet, "not_built_yet", 501, "invalid_request_error", "not_implemented", Blame::ours, Next::give_up},
    Meaning{overloaded, "overloaded", 503, "server_error", "overloaded", Blame::ours, Next::give_up},
    Meaning{shutting_down, "shutting_down", 503, "server_error", "overloaded", Blame::ours, Next::give_up},
    // 499 is nginx's word for it; it reaches logs and counters, never a caller.
    Meaning{caller_gone, "caller_gone", 499, "invalid_request_error", "caller_gone", Blame::caller, Next::give_up},
    Meaning{upstream_unreachable, "upstream_unreachable", 503, "server_error", "upstream_unavailable", Blame::upstream, Next::elsewhere},
    Meaning{upstream_busy, "upstream_busy", 429, "rate_limit_error", "rate_limit_exceeded", Blame::upstream, Next::elsewhere},
    Meaning{upstream_down, "upstream_down", 502, "server_error", "upstream_error", Blame::upstream, Next::elsewhere},
    Meaning{upstream_loading, "upstream_loading", 503, "server_error", "upstream_unavailable", Blame::upstream, Next::elsewhere},
    Meaning{upstream_timeout, "upstream_timeout", 504, "server_error", "upstream_timeout", Blame::upstream, Next::elsewhere},
    Meaning{upstream_broken, "upstream_broken", 502, "server_error", "upstream_error", Blame::upstream, Next::elsewhere},
    Meaning{upstream_denied_us, "upstream_denied_us", 502, "server_error", "upstream_error", Blame::ours, Next::elsewhere},
    Meaning{upstream_lacks_model, "upstream_lacks_model", 502, "server_error", "upstream_error", Blame::ours, Next::elsewhere},
    Meaning{upstream_refused, "upstream_refused", 400, "invalid_request_error", "", Blame::caller, Next::give_up},
    Meaning{content_filtered, "content_filtered", 400, "invalid_request_error", "content_filter", Blame::caller, Next::give_up},
    Meaning{context_too_long, "context_too_long", 400, "invalid_request_error", "context_length_exceeded", Blame::caller, Next::give_up},
    // Blamed on nobody's health: such an upstream may serve whole requests well.
    Meaning{cannot_continue, "cannot_continue", 502, "server_error", "upstream_error", Blame::ours, Next::elsewhere},
    Meaning{no_upstream, "no_upstream", 503, "server_error", "upstream_unavailable", Blame::ours, Next::give_up},
    Meaning{store_failed, "store_failed", 500, "server_error", "internal_error", Blame::ours, Next::give_up},
    Meaning{internal, "internal", 500, "server_error", "internal_error", Blame::ours, Next::give_up},
};

constexpr bool rows_stand_at_their_index() {
  for (std::size_t i = 0; i < meanings.size(); ++i)
    if (static_cast<std::size_t>(meanings[i].reason) != i) return false;
  return static_cast<std::size_t>(internal) + 1 == meanings.size();
}
static_assert(rows_stand_at_their_index());

}  // namespace

const Meaning& meaning_of(Reason reason) {
  const auto index = static_cast<std::size_t>(reason);
  BW_CHECK(index < meanings.size());
  return meanings[index];
}

}  // namespace bellwether
