// Passing on a stream of events, each as it comes.
#pragma once

#include "gateway/attempt.h"

namespace bellwether::gateway {

/// Relays the events of `exchange` until the stream ends, well or badly. A stream that was cut is never passed off as complete;
/// one that lacks only its formalities (usage, [DONE], a finish_reason before [DONE]) is completed by us.
[[nodiscard]] net::Task<AttemptEnd> relay_stream(Attempt& attempt, net::Exchange& exchange);

/// When this attempt owes the caller a sign of life; never, where another attempt does.
[[nodiscard]] TimePoint comment_due(const Attempt& attempt);
/// A comment into the caller's stream, which it begins if need be. A stream that has only comments is not committed: another
/// upstream may still answer it. Fails with caller_gone.
[[nodiscard]] net::Task<Result<void>> keep_caller_warm(Serving& serving);

/// Ends a stream whose upstream broke off when all tokens that the request allows had come.
[[nodiscard]] net::Task<Result<void>> end_at_length(Serving& serving);

}  // namespace bellwether::gateway
