// One generating request, from key to receipt: the walk of docs/life_of_a_request.md.
#pragma once

#include "base/result.h"
#include "chat/request.h"
#include "gateway/lane.h"
#include "gateway/trail.h"
#include "net/session.h"

namespace bellwether::gateway {

/// Serves a chat completion, a legacy completion or an embedding and writes the reply, stream or not. A failure is still to be
/// told to the caller by whoever called (api/), in-band if `reply.started()`. `trail` is filled on every path.
[[nodiscard]] net::Task<Result<void>> serve_chat(Lane& lane, chat::Endpoint endpoint, net::Request& request, net::Reply& reply, Trail& trail);

}  // namespace bellwether::gateway
