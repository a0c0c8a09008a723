// An endpoint that we call, as the config describes it. Values; made by config/ or by discovery, never changed afterwards.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/time.h"

namespace bellwether::catalog {

enum class DialectName : std::uint8_t { openai, deepseek, vllm, llama_server };

/// `base_url` taken apart.
struct Url {
  enum class Scheme : std::uint8_t { http, https, unix_socket };
  Scheme scheme = Scheme::http;
  std::string host;         ///< Name or address without brackets; for unix sockets the socket's path.
  std::uint16_t port = 80;  ///< Unused for unix sockets.
  std::string path;         ///< What stands before "/chat/completions", without a slash at its end, e.g. "/v1"; may be empty.

  friend bool operator==(const Url&, const Url&) = default;
};

/// Each bounds one phase of one attempt (PRODUCT.md §5).
struct Timeouts {
  Duration connect = std::chrono::seconds(10);      ///< DNS, TCP and TLS together.
  Duration write = std::chrono::seconds(10);        ///< Without progress while the request is being sent.
  Duration pool = std::chrono::seconds(5);          ///< Waiting for a free connection when the pool is at its bound.
  Duration first_token = std::chrono::seconds(60);  ///< From request sent to the first event (or, not streaming, to the head of the reply).
  Duration idle = std::chrono::seconds(60);         ///< Between two reads afterwards.
  Duration total = std::chrono::minutes(10);        ///< The whole attempt.

  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

struct Upstream {
  std::string name;
  DialectName dialect = DialectName::openai;
  Url base_url;
  std::string api_key;  ///< Secret; empty: none is sent. Never logged.
  Timeouts timeouts;
  std::uint32_t connections_max = 1024;          ///< Open connections per lane.
  std::uint32_t idle_max = 256;                  ///< Of them kept open unused, per lane.
  Duration idle_for = std::chrono::seconds(60);  ///< An unused connection is closed after this long.
};

}  // namespace bellwether::catalog
