// What can go wrong, in our words, and what each case means to everyone else.
//
// A Failure is a value: it is returned, compared in tests and turned into text only at the edges. What a caller may read and
// what only our log may read are different types, so neither can take the other's place by argument order.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/rare_text.h"

namespace bellwether {

/// Everything that is expected to go wrong, however many places it can come from. Each has a row in `meanings`.
enum class Reason : std::uint8_t {
  key_rejected,          ///< No key, a malformed one, an unknown, expired or revoked one.
  model_forbidden,       ///< The key may not use this model.
  request_malformed,     ///< The request's HTTP or JSON cannot be read, or a member has a wrong type.
  request_too_large,     ///< Head or body above its bound.
  request_too_slow,      ///< The caller did not finish sending in time.
  endpoint_unknown,      ///< No such path.
  method_not_allowed,    ///< The path exists, for another method.
  model_unknown,         ///< No such model.
  expectation_failed,    ///< An `Expect` other than 100-continue.
  encoding_unknown,      ///< A body with a Content-Encoding: nobody here unpacks one.
  not_built_yet,         ///< The contract names it; this version has no such part.
  overloaded,            ///< We are at a bound of our own.
  shutting_down,         ///< We are draining.
  caller_gone,           ///< The caller hung up: nobody is left to answer.
  upstream_unreachable,  ///< No connection: refused, DNS, TLS, connect timeout. Nothing was sent.
  upstream_busy,         ///< 429 of an upstream.
  upstream_down,         ///< 5xx of an upstream.
  upstream_loading,      ///< 503 of an upstream that says that it is still loading its model: not ready, and not broken.
  upstream_timeout,      ///< A phase of the attempt took longer than configured.
  upstream_broken,       ///< The upstream's reply was cut, or is not what its dialect promises.
  upstream_denied_us,    ///< 401, 402, 403: our credentials or our credit there.
  upstream_lacks_model,  ///< The upstream does not know the model that the route names.
  upstream_refused,      ///< 400, 413, 422 …: the upstream's verdict on the caller's own request.
  content_filtered,      ///< The upstream declines the content: another try would get the same answer.
  context_too_long,      ///< The upstream says that the prompt does not fit.
  cannot_continue,       ///< The upstream refused to continue an answer that another began; the caller never learns of it.
  no_upstream,           ///< The plan holds no candidate.
  store_failed,          ///< Our own disk or database.
  internal,              ///< Ours, and not expected: an exception that escaped a handler.
};

enum class Blame : std::uint8_t { caller, upstream, ours };
/// Whether another upstream might do better with the same request.
enum class Next : std::uint8_t { give_up, elsewhere };

/// One row of the failure table.
struct Meaning {
  Reason reason;
  std::string_view name;      ///< For logs and metric labels.
  int http_status;            ///< What a caller gets; an upstream's refusal keeps the upstream's status.
  std::string_view api_type;  ///< OpenAI's `error.type`.
  std::string_view api_code;  ///< OpenAI's `error.code`; empty is null.
  Blame blame;
  Next next;
};

[[nodiscard]] const Meaning& meaning_of(Reason reason);

/// Text for our log. May name addresses and errors of the system; never holds a secret or a prompt.
struct InternalText {
  RareText text;
};

/// Text that a caller may read: made of what the caller itself sent or of an upstream's verdict on it.
struct PublicText {
  RareText text;
};

/// An expected failure. Cheap to move; built on failing paths only.
struct Failure {
  Reason reason;
  InternalText detail{};
  PublicText about{};                ///< Empty: the reason's own sentence is enough.
  RareText param{};                  ///< The request member at fault, for `error.param`.
  RareText code{};                   ///< An upstream's own code, where it says more than ours.
  int http_status = 0;               ///< An upstream's own status where it is passed on; 0: the table's.
  std::int64_t retry_after_ms = -1;  ///< What the other side asked us to wait; -1: nothing.
};

[[nodiscard]] inline std::string_view name_of(Reason reason) { return meaning_of(reason).name; }

}  // namespace bellwether
