#include "gateway/lane.h"

#include <algorithm>
#include <utility>

#include "dialects/dialect.h"

namespace bellwether::gateway {

net::Target target_of(const catalog::Upstream& upstream) {
  const catalog::Url& url = upstream.base_url;
  net::Target target;
  if (url.scheme == catalog::Url::Scheme::unix_socket) {
    target.socket_path = url.host;
  } else {
    target.host = url.host;
    target.port = url.port;
    target.tls = url.scheme == catalog::Url::Scheme::https;
  }
  return target;
}

std::string head_start_of(const catalog::Upstream& upstream, std::string_view method, std::string_view path) {
  return head_start_at(upstream, method, upstream.base_url.path + std::string(path));
}

std::string head_start_at(const catalog::Upstream& upstream, std::string_view method, std::string_view path) {
  const catalog::Url& url = upstream.base_url;
  std::string head(method);
  head += ' ';
  head += path;
  head += " HTTP/1.1\r\nhost: ";
  if (url.scheme == catalog::Url::Scheme::unix_socket) {
    head += "localhost";
  } else {
    const bool v6 = url.host.find(':') != std::string::npos;
    const bool usual = url.port == (url.scheme == catalog::Url::Scheme::https ? 443 : 80);
    head += v6 ? "[" + url.host + "]" : url.host;
    if (!usual) head += ":" + std::to_string(url.port);
  }
  if (!upstream.api_key.empty()) head += "\r\nauthorization: Bearer " + upstream.api_key;
  // identity: a compressed reply could be neither read nor patched.
  head += "\r\nuser-agent: bellwether\r\naccept-encoding: identity\r\n";
  return head;
}

Lane::Lane(net::Loop& loop, std::size_t number, std::size_t lanes, const Settings& settings, telemetry::AccessLog& access_log)
    : loop_{loop},
      number_{number},
      settings_{settings},
      access_log_{access_log},
      health_{static_cast<std::uint32_t>(lanes)},
      pinned_{std::make_shared<Pinned>(std::make_shared<const catalog::Revision>(), std::make_shared<const relay::Targets>(), std::vector<Reach>{})},
      keys_{std::make_shared<const accounts::KeyRing>()} {}

void Lane::adopt(std::shared_ptr<const catalog::Revision> revision) {
  auto next = std::make_shared<Pinned>();
  for (const catalog::Upstream& upstream : revision->upstreams()) {
    const net::Target target = target_of(upstream);
    const net::PoolLimits limits{upstream.connections_max, upstream.idle_max, upstream.idle_for};
    Reach reach;
    for (const Reach& before : pinned_->reach)
      if (before.pool->target() == target && before.pool->limits() == limits) reach.pool = before.pool;
    if (!reach.pool) {
      telemetry::Metrics* const metrics = &metrics_;
      reach.pool = std::make_shared<net::Pool>(loop_, target, limits,
                                               net::PoolObserver{.opened =
                                                                     [metrics] {
                                                                       metrics->upstream_connections_open.add();
                                                                       metrics->upstream_connections_total.add();
                                                                     },
                                                                 .closed = [metrics] { metrics->upstream_connections_open.subtract(); },
                                                                 .reused = [metrics] { metrics->upstream_connections_reused.add(); }});
    }
    const dialects::Dialect& dialect = dialects::dialect_of(upstream.dialect);
    for (const chat::Endpoint endpoint : {chat::Endpoint::chat_completions, chat::Endpoint::completions, chat::Endpoint::embeddings})
      reach.head_start[static_cast<std::size_t>(endpoint)] = head_start_of(upstream, "POST", dialect.path(endpoint)) + "content-type: application/json\r\n";
    if (dialect.prefill() != dialects::Prefill::none)
      reach.continuation_start = head_start_at(upstream, "POST", dialect.continuation_path(upstream.base_url.path)) + "content-type: application/json\r\n";
    next->reach.push_back(std::move(reach));
  }
  next->targets = health_.adopt(*revision, loop_.turn());
  open_gates(*revision, *next);
  next->revision = std::move(revision);
  for (const Reach& before : pinned_->reach)
    if (std::ranges::none_of(next->reach, [&](const Reach& reach) { return reach.pool == before.pool; })) retired_.push_back(before.pool);
  pinned_ = std::move(next);
  sweep();
}

/// One gate for each upstream that a route names; those of the revision before stay, with whoever waits at them.
void Lane::open_gates(const catalog::Revision& revision, Pinned& next) {
  for (std::size_t model = 0; model < revision.models().size(); ++model) {
    const std::span<const std::shared_ptr<relay::Target>> targets = next.targets->of(model);
    for (std::size_t entry = 0; entry < targets.size(); ++entry) {
      std::shared_ptr<Gate>& gate = next.reach[revision.models()[model].route[entry].upstream].gate;
      if (gate) continue;
      relay::Concurrency& concurrency = targets[entry]->load().concurrency;
      for (const Reach& before : pinned_->reach)
        if (before.gate && &before.gate->concurrency() == &concurrency) gate = before.gate;
      if (!gate) gate = std::make_shared<Gate>(loop_, concurrency);
    }
  }
}

void Lane::record(const telemetry::RequestRecord& record) {
  metrics_.count(record);
  access_log_.write(number_, record);
}

void Lane::sweep() {
  const TimePoint now = loop_.turn();
  for (const Reach& reach : pinned_->reach) reach.pool->sweep(now);
  for (const std::shared_ptr<net::Pool>& pool : retired_) pool->sweep(now);
  // A pool that only this list holds is used by no request any more.
  std::erase_if(retired_, [](const std::shared_ptr<net::Pool>& pool) { return pool.use_count() == 1; });
}

}  // namespace bellwether::gateway
