// The callers' port: its endpoint table, and what stands between a connection and the walk.
#pragma once

#include <cstdint>
#include <string_view>

#include "api/failure_reply.h"
#include "gateway/lane.h"
#include "gateway/trail.h"
#include "net/session.h"

namespace bellwether::api {

/// One lane's handler for callers. Lives on the lane.
class Callers final : public net::Handler {
 public:
  Callers(gateway::Lane& lane, Compat compat) : lane_{lane}, compat_{compat} {}

  [[nodiscard]] Result<void> admit(const http::RequestHead& head) override;
  [[nodiscard]] net::Task<void> handle(net::Request& request, net::Reply& reply) override;
  [[nodiscard]] net::Task<void> refuse(const Failure& failure, const http::RequestHead* head, net::Reply& reply) override;
  void on_connection_opened() override;
  void on_connection_closed() override;
  void on_connection_refused(const RequestId& id) override;
  void adopt(Compat compat) { compat_ = compat; }

 private:
  /// Tells the caller what went wrong, in-band where the stream has begun.
  [[nodiscard]] net::Task<void> tell(const Failure& failure, std::string_view allowed, gateway::Trail& trail, net::Reply& reply);
  void finish(gateway::Trail& trail, const net::Reply& reply);

  gateway::Lane& lane_;
  Compat compat_;
};

}  // namespace bellwether::api
