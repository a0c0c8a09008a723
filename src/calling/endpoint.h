// An endpoint that a command-line tool calls: where it is, and the key that it is shown. Values; made by cli/ from flags or a config.
#pragma once

#include <string>

#include "net/pool.h"

namespace bellwether::calling {

struct Endpoint {
  net::Target target;
  std::string authority;  ///< What `host` says: "gpu-1:8000", "[::1]:8080"; "localhost" for a Unix socket.
  std::string path;       ///< What stands before "/chat/completions", without a slash at its end; may be empty.
  std::string api_key;    ///< Secret; empty: none is sent. Never printed.
};

}  // namespace bellwether::calling
