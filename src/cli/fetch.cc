#include "cli/fetch.h"

#include <array>
#include <utility>

#include "gateway/lane.h"
#include "net/exchange.h"

namespace bellwether::cli {
namespace {

catalog::Upstream upstream_at(catalog::Url url, std::string bearer) {
  catalog::Upstream upstream;
  upstream.name = "source";
  upstream.base_url = std::move(url);
  upstream.api_key = std::move(bearer);
  return upstream;
}

}  // namespace

Fetcher::Fetcher(net::Loop& loop, catalog::Url url, std::string bearer)
    : loop_{loop},
      upstream_{upstream_at(std::move(url), std::move(bearer))},
      pool_{loop, gateway::target_of(upstream_), net::PoolLimits{.connections_max = 1, .idle_max = 1}, net::PoolObserver{[] {}, [] {}, [] {}}} {}

net::Task<Result<Fetcher::Reply>> Fetcher::get(std::string_view target, Bounds bounds, const Take& take) {
  const std::string head = gateway::head_start_of(upstream_, "GET", target) + "accept: */*\r\n\r\n";
  bool unheard = false;
  Result<Reply> reply = co_await try_get(head, bounds, take, net::Pool::Wanted::any, unheard);
  // A connection that had been closed while it lay unused.
  if (!reply && unheard) reply = co_await try_get(head, bounds, take, net::Pool::Wanted::fresh, unheard);
  co_return reply;
}

net::Task<Result<Fetcher::Reply>> Fetcher::try_get(std::string head, Bounds bounds, const Take& take, net::Pool::Wanted wanted, bool& unheard) {
  unheard = false;
  const TimePoint until = loop_.now() + bounds.first_byte;
  net::Pool::Waiting waiting;
  BW_CO_TRY(lease, co_await pool_.lease(wanted, {upstream_.timeouts.pool, upstream_.timeouts.connect}, until, waiting));
  net::Exchange exchange{std::move(lease)};
  unheard = exchange.reused();
  const std::array<std::string_view, 1> pieces{head};
  BW_CO_TRY_DONE(co_await exchange.send(pieces, upstream_.timeouts.write));
  BW_CO_TRY(answer, co_await exchange.read_head(until));
  unheard = false;
  Reply reply{answer->status, 0};
  for (;;) {
    BW_CO_TRY(piece, co_await exchange.read_piece(loop_.now() + bounds.idle));
    reply.bytes += piece.content.size();
    if (reply.bytes > bounds.bytes_max)
      co_return failed(Reason::upstream_broken, "the answer is larger than " + std::to_string(bounds.bytes_max >> 20) + " MiB");
    if (!piece.content.empty()) take(reply.status, piece.content);
    if (piece.complete) break;
  }
  std::move(exchange).end();
  co_return reply;
}

}  // namespace bellwether::cli
