#include "cli/doctor_upstreams.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "cli/entropy.h"
#include "gateway/discovery.h"
#include "gateway/lane.h"
#include "http/date.h"
#include "net/exchange.h"
#include "net/loop.h"
#include "net/pool.h"
#include "net/spawn.h"

namespace bellwether::cli {
namespace {

using doctor::UpstreamFacts;
using Stage = UpstreamFacts::Stage;

constexpr Duration patience = std::chrono::seconds(10);
constexpr Duration connect_patience = std::chrono::seconds(5);
constexpr std::size_t together_max = 32;  // A low limit of open files is one of the things to be told, not to be met.
constexpr std::size_t list_bytes_max = std::size_t{8} << 20;

/// The pool says in its detail which step failed.
Stage stage_of(std::string_view detail) {
  constexpr std::string_view late = "timed out: ";
  if (detail.starts_with(late)) detail.remove_prefix(late.size());
  if (detail.starts_with("looking up")) return Stage::name;
  if (detail.starts_with("TLS")) return Stage::tls;
  return Stage::connect;
}

std::string address_of(const catalog::Url& url) {
  if (url.scheme == catalog::Url::Scheme::unix_socket) return fmt::format("unix:{}:{}", url.host, url.path);
  const bool v6 = url.host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}{}", url.scheme == catalog::Url::Scheme::https ? "https" : "http", v6 ? "[" : "", url.host, v6 ? "]" : "", url.port,
                     url.path);
}

struct Round {
  explicit Round(net::Loop& loop) : loop{loop} {}
  net::Loop& loop;
  std::size_t running = 0;
};

struct Visit {
  const catalog::Upstream* upstream;
  UpstreamFacts* facts;
  net::Pool pool;
  Visit(net::Loop& loop, const catalog::Upstream& upstream, UpstreamFacts& facts)
      : upstream{&upstream}, facts{&facts}, pool{loop, gateway::target_of(upstream), net::PoolLimits{}, net::PoolObserver{[] {}, [] {}, [] {}}} {}
};

/// Fills `facts` as far as it comes. The failure of a step is in its trouble.
net::Task<Result<void>> ask(net::Loop& loop, Visit& visit) {
  UpstreamFacts& facts = *visit.facts;
  const TimePoint begin = loop.now();
  const TimePoint until = begin + patience;
  net::Pool::Waiting waiting;
  Result<net::Lease> lease = co_await visit.pool.lease(net::Pool::Wanted::fresh, {connect_patience, connect_patience}, until, waiting);
  if (!lease) {
    facts.stage = stage_of(lease.error().detail.text.str());
    co_return std::unexpected(std::move(lease).error());
  }
  facts.stage = Stage::reply;
  net::Exchange exchange{*std::move(lease)};
  const std::string head = gateway::head_start_of(*visit.upstream, "GET", "/models") + "accept: application/json\r\nconnection: close\r\n\r\n";
  const std::array<std::string_view, 1> pieces{head};
  BW_CO_TRY_DONE(co_await exchange.send(pieces, patience));
  BW_CO_TRY(reply, co_await exchange.read_head(until));
  facts.status = reply->status;
  if (const auto date = reply->fields.find("date"))
    if (const auto time = http::read_date(*date))
      facts.clock_ahead = *time - std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  std::string body;
  for (;;) {
    BW_CO_TRY(piece, co_await exchange.read_piece(until));
    body += piece.content;
    if (piece.complete || body.size() > list_bytes_max) break;
  }
  facts.stage = Stage::done;
  facts.took = loop.now() - begin;
  const auto list = gateway::read_model_list(body);
  facts.listed = list.has_value();
  if (list)
    for (const auto& entry : list->models) facts.models.push_back(entry.id);
  co_return Result<void>{};
}

net::Task<void> run_visit(Round*& round, std::shared_ptr<Visit>& visit) {
  const Result<void> done = co_await ask(round->loop, *visit);
  if (!done) visit->facts->trouble = done.error().detail.text.str();
  if (--round->running == 0) round->loop.stop();
}

}  // namespace

std::vector<UpstreamFacts> look_at_upstreams(const config::Config& config, Keys keys) {
  std::vector<catalog::Upstream> upstreams = config.upstreams;
  std::vector<UpstreamFacts> all(upstreams.size());
  for (std::size_t i = 0; i < upstreams.size(); ++i) {
    all[i].name = upstreams[i].name;
    all[i].address = address_of(upstreams[i].base_url);
    all[i].key_untried = keys == Keys::missing && !upstreams[i].api_key.empty();
    if (keys == Keys::missing) upstreams[i].api_key.clear();
    all[i].has_key = !upstreams[i].api_key.empty();
    for (const catalog::Model& model : config.models)
      for (const catalog::RouteEntry& entry : model.route)
        if (entry.upstream == i && std::ranges::find(all[i].wanted, entry.model) == all[i].wanted.end()) all[i].wanted.push_back(entry.model);
  }
  for (std::size_t first = 0; first < upstreams.size(); first += together_max) {
    net::Loop loop{random_seed()};
    Round round{loop};
    std::vector<std::shared_ptr<Visit>> visits;
    for (std::size_t i = first; i < std::min(first + together_max, upstreams.size()); ++i)
      visits.push_back(std::make_shared<Visit>(loop, upstreams[i], all[i]));
    round.running = visits.size();
    for (const auto& visit : visits) net::spawn(loop, "doctor", run_visit, &round, visit);
    loop.run();
  }
  return all;
}

}  // namespace bellwether::cli
