// What one request leaves behind while it walks: filled step by step, counted and logged once at its end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "gateway/lane.h"
#include "metering/usage.h"

namespace bellwether::gateway {

/// Owned by the request's outermost coroutine. Pins what its views point to.
struct Trail {
  RequestId id;
  std::string client_request_id;  ///< The caller's own, if sane.
  TimePoint read_at{};
  WallTime at{};
  std::string_view endpoint, method;
  std::shared_ptr<const accounts::KeyRing> keys;
  std::shared_ptr<const Pinned> pinned;
  const accounts::Key* key = nullptr;
  const catalog::Model* model = nullptr;
  const catalog::Upstream* upstream = nullptr;  ///< Of the last attempt.
  std::uint32_t attempts = 0;
  int retry_count = -1;
  int status = 0;
  Reason failure{};
  bool failed = false;
  std::string detail;
  bool stream = false;
  bool caller_gone = false;
  metering::Usage usage;
  Duration waited_for_upstream{};
  TimePoint first_token_at{};  ///< Zero: none yet.
  /// Each attempt, with "ok", a reason's name or "hedge_lost", and for streams what it consumed. Empty where the first one served.
  std::vector<telemetry::LegRecord> legs;
};

}  // namespace bellwether::gateway
