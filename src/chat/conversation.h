// Which conversation a request belongs to, as far as its beginning tells.
#pragma once

#include <cstdint>

#include "chat/request.h"

namespace bellwether::chat {

/// A hash of how the conversation begins: the messages up to and with the first of the user's (of a text completion: its first
/// 256 bytes). Each turn of a conversation has the same one, and so do conversations that cannot be told apart yet, whose prefix an
/// upstream may hold in its cache. The same in every process.
[[nodiscard]] std::uint64_t conversation_of(const Request& request);

}  // namespace bellwether::chat
