// Names to addresses, without blocking a loop: getaddrinfo runs on a thread of its own, so that a slow DNS stops nobody.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/loop.h"

namespace bellwether::net {

/// Looks `host` up and calls `on_done` on the loop, with at least one address (port 0) or upstream_unreachable. getaddrinfo
/// cannot be interrupted: the thread may outlast the loop, and then nobody is called. Whoever asks bounds how many there are
/// (a Pool has one at a time).
void resolve(Loop& loop, const std::string& host, const std::function<void(Result<std::vector<Address>>)>& on_done);

}  // namespace bellwether::net
