// Does what the relay says: attempt after attempt, until the request is served or nothing is left to try.
#pragma once

#include <optional>

#include "base/result.h"
#include "catalog/plan.h"
#include "chat/request.h"
#include "gateway/lane.h"
#include "gateway/trail.h"
#include "net/session.h"

namespace bellwether::gateway {

/// Serves `chat` along `plan` and writes the reply to the caller. Fails when every attempt allowed failed; nothing was written
/// then, except that a stream may have begun with comments (`reply.started()`), and the failure is still to be told.
/// `raw` is released once the reply is committed: an open stream holds no copy of the request.
[[nodiscard]] net::Task<Result<void>> drive(Lane& lane, const catalog::Plan& plan, const chat::Request& chat, net::Request& raw, net::Reply& reply,
                                            Trail& trail);

}  // namespace bellwether::gateway
