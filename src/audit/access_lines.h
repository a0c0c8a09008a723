// Reads the access logs of whoever stands before a vLLM, or of uvicorn alone: requests, statuses and, where they are, times. No tokens.
//
//   nginx, Apache: combined and common; also a log_format with more behind it or in another order, as long as the request stands in quotes
//     and the status behind it. Times with three decimals are what nginx writes: one of 10 digits is $msec, the first of fewer behind the
//     status is $request_time. Named ones (rt=, request_time=, uht=, upstream_header_time=) are believed first.
//   nginx and others as JSON lines, with the members that people usually choose (time_iso8601, msec, request, uri, status, request_time …).
//   HAProxy: `option httplog`, 1.5 to 3.x.
//   uvicorn: `INFO:     10.0.0.1:5000 - "POST /v1/chat/completions HTTP/1.1" 200 OK`; no time. (A vLLM's log with such lines is the vLLM log's reader's.)
// What no model served (health checks, /metrics, pages) is counted as excluded.
#pragma once

#include <memory>
#include <string_view>

#include "audit/reading.h"

namespace bellwether::audit {

[[nodiscard]] bool looks_like_access_lines(std::string_view begin);
[[nodiscard]] std::unique_ptr<Reader> make_access_lines(const ReadingContext& context, Sink& sink);
[[nodiscard]] bool looks_like_access_json(std::string_view begin);
[[nodiscard]] std::unique_ptr<Reader> make_access_json(const ReadingContext& context, Sink& sink);

}  // namespace bellwether::audit
