// One line of a web server's access log, taken apart. Pure; views into the line. Used by access_lines.cc alone.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "audit/reading.h"

namespace bellwether::audit {

/// What one line says. Which of the times it has depends on whose it is.
struct Access {
  std::string_view method, path, id;
  int status = 0;
  std::optional<Instant> begin, end;
  std::optional<std::chrono::milliseconds> latency, first_token;
  bool is_aborted = false;
};

/// `POST /v1/chat/completions HTTP/1.1` into method and path. False where it is no request.
[[nodiscard]] bool split_request(std::string_view text, Access& access);

/// Seconds as nginx writes them: `2.500`, of several upstreams the first, `-` for none.
[[nodiscard]] std::optional<std::chrono::milliseconds> read_seconds(std::string_view text);

/// `… [10/Oct/2026:13:55:36 +0900] "POST /v1/… HTTP/1.1" 200 …`, and `… - "POST …" 200 OK`.
[[nodiscard]] std::optional<Access> read_web_server(std::string_view line, const Zone* zone);

/// `haproxy[14389]: 10.0.1.2:33317 [06/Feb/2026:12:14:14.655] front back/server 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "POST … HTTP/1.1"`
[[nodiscard]] std::optional<Access> read_haproxy(std::string_view line, const Zone* zone);

}  // namespace bellwether::audit
