#include "gateway/ask.h"

#include <array>
#include <string_view>

#include "gateway/lane.h"
#include "net/exchange.h"

namespace bellwether::gateway {
namespace {

constexpr std::size_t list_bytes_max = std::size_t{8} << 20;

}  // namespace

net::Task<Result<ModelsAnswer>> ask_for_models(net::Loop& loop, net::Pool& pool, const catalog::Upstream& upstream, Duration patience) {
  const TimePoint until = loop.turn() + patience;
  net::Pool::Waiting waiting;
  BW_CO_TRY(lease, co_await pool.lease(net::Pool::Wanted::fresh, {upstream.timeouts.pool, upstream.timeouts.connect}, until, waiting));
  net::Exchange exchange{std::move(lease)};
  const std::string head = head_start_of(upstream, "GET", "/models") + "accept: application/json\r\nconnection: close\r\n\r\n";
  const std::array<std::string_view, 1> pieces{head};
  BW_CO_TRY_DONE(co_await exchange.send(pieces, upstream.timeouts.write));
  BW_CO_TRY(reply, co_await exchange.read_head(until));
  ModelsAnswer answer{reply->status, {}};
  for (;;) {
    BW_CO_TRY(piece, co_await exchange.read_piece(until));
    answer.body += piece.content;
    if (answer.body.size() > list_bytes_max) co_return failed(Reason::upstream_broken, std::string("the model list is too large"));
    if (piece.complete) break;
  }
  co_return answer;
}

}  // namespace bellwether::gateway
