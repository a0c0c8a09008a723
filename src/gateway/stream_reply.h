// Passing on a stream of events, each as it comes.
#pragma once

#include "gateway/attempt.h"

namespace bellwether::gateway {

/// Relays the events of `exchange` until the stream ends, well or badly. A stream that was cut is never passed off as complete;
/// one that lacks only its formalities (usage, [DONE], a finish_reason before [DONE]) is completed by us.
[[nodiscard]] net::Task<AttemptEnd> relay_stream(Attempt& attempt, net::Exchange& exchange);

/// A comment into the caller's stream, which it begins if need be. A stream that has only comments is not committed: another
/// upstream may still answer it. Fails with caller_gone.
[[nodiscard]] net::Task<Result<void>> keep_caller_warm(Attempt& attempt);

}  // namespace bellwether::gateway
