// Does what the relay says: attempt after attempt, wait after wait, until the request is served or nothing is left to try.
#pragma once

#include "base/result.h"
#include "chat/request.h"
#include "gateway/lane.h"
#include "gateway/plan.h"
#include "gateway/trail.h"
#include "net/session.h"

namespace bellwether::gateway {

/// Serves `chat` along `plan` and writes the reply to the caller. Fails when every attempt allowed failed; a stream may have begun by
/// then (`reply.started()`), and the failure is still to be told. `raw` is released as soon as no other upstream can be asked.
[[nodiscard]] net::Task<Result<void>> drive(Lane& lane, const Plan& plan, const chat::Request& chat, net::Request& raw, net::Reply& reply, Trail& trail);

}  // namespace bellwether::gateway
