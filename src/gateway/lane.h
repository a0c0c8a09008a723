// A lane: one thread's event loop and everything that requests on it need. Nothing here is shared but what is immutable; new
// revisions and key rings arrive as messages.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/key_ring.h"
#include "catalog/revision.h"
#include "chat/request.h"
#include "gateway/gate.h"
#include "json/reader.h"
#include "net/loop.h"
#include "net/pool.h"
#include "relay/health.h"
#include "telemetry/access_log.h"
#include "telemetry/metrics.h"

namespace bellwether::gateway {

/// What the process was told, as far as requests are concerned. Constant while a lane lives, but for `adopt`.
struct Settings {
  std::uint64_t reply_bytes_max = std::uint64_t{64} << 20;
  Duration keep_alive_comment = std::chrono::seconds(15);
};

/// One upstream as this lane reaches it.
struct Reach {
  std::shared_ptr<net::Pool> pool;
  /// The constant part of a request's head for each endpoint, up to where what differs from request to request begins.
  /// Holds the upstream's API key.
  std::array<std::string, 3> head_start;
  std::string continuation_start;  ///< The same for going on with an answer; empty where the dialect cannot.
  std::shared_ptr<Gate> gate;      ///< Null where no route names the upstream.
};

/// A revision with this lane's connections to its upstreams. A request pins it; one side keeps the other alive.
struct Pinned {
  std::shared_ptr<const catalog::Revision> revision;
  std::shared_ptr<const relay::Targets> targets;  ///< Before the gates, which stand before their loads.
  std::vector<Reach> reach;                       ///< As Revision::upstreams.
};

class Lane {
 public:
  /// Lane `number` of `lanes`, which share what the configuration gives the process as a whole.
  Lane(net::Loop& loop, std::size_t number, std::size_t lanes, const Settings& settings, telemetry::AccessLog& access_log);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// New versions for requests to come; those in flight finish on what they pinned. Pools whose upstream did not change stay.
  void adopt(std::shared_ptr<const catalog::Revision> revision);
  void adopt(std::shared_ptr<const accounts::KeyRing> keys) { keys_ = std::move(keys); }
  void adopt(const Settings& settings) { settings_ = settings; }

  [[nodiscard]] const std::shared_ptr<const Pinned>& pinned() const { return pinned_; }
  [[nodiscard]] const std::shared_ptr<const accounts::KeyRing>& keys() const { return keys_; }
  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] net::Loop& loop() { return loop_; }
  [[nodiscard]] json::Reader& reader() { return reader_; }
  [[nodiscard]] accounts::KeyMemo& key_memo() { return key_memo_; }
  [[nodiscard]] relay::Health& health() { return health_; }
  /// Read by any thread, written by this lane only.
  [[nodiscard]] telemetry::Metrics& metrics() { return metrics_; }

  /// The end of every request: its counters and its line.
  void record(const telemetry::RequestRecord& record);
  /// Closes connections to upstreams that nobody has used for long. Called once a second or so.
  void sweep();

 private:
  void open_gates(const catalog::Revision& revision, Pinned& next);

  net::Loop& loop_;
  std::size_t number_;
  Settings settings_;
  telemetry::AccessLog& access_log_;
  telemetry::Metrics metrics_;
  json::Reader reader_;
  accounts::KeyMemo key_memo_;
  relay::Health health_;
  std::shared_ptr<const Pinned> pinned_;
  std::shared_ptr<const accounts::KeyRing> keys_;
  std::vector<std::shared_ptr<net::Pool>> retired_;  ///< Of earlier revisions, while requests still use them.
};

/// The pool's target for an upstream.
[[nodiscard]] net::Target target_of(const catalog::Upstream& upstream);
/// "POST /v1/chat/completions HTTP/1.1", Host, Authorization and what else never changes; ends behind a line break.
/// `path` is below the upstream's base_url; `head_start_at` takes the whole path.
[[nodiscard]] std::string head_start_of(const catalog::Upstream& upstream, std::string_view method, std::string_view path);
[[nodiscard]] std::string head_start_at(const catalog::Upstream& upstream, std::string_view method, std::string_view path);

}  // namespace bellwether::gateway
