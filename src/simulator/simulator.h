// A faithful upstream to test against: answers as vLLM, DeepSeek's API, llama-server or OpenAI do, and fails on demand.
#pragma once

#include <string>
#include <string_view>

#include "json/reader.h"
#include "net/session.h"
#include "simulator/giving.h"
#include "simulator/shared.h"

namespace bellwether::simulator {

/// One thread's handler.
class Simulator final : public net::Handler {
 public:
  Simulator(net::Loop& loop, Shared& shared) : loop_{loop}, shared_{shared} {}

  [[nodiscard]] Result<void> admit(const http::RequestHead& head) override;
  [[nodiscard]] net::Task<void> handle(net::Request& request, net::Reply& reply) override;
  [[nodiscard]] net::Task<void> refuse(const Failure& failure, const http::RequestHead* head, net::Reply& reply) override;

 private:
  [[nodiscard]] net::Task<void> control(const net::Request& request, net::Reply& reply);
  [[nodiscard]] net::Task<void> list(const net::Request& request, std::string_view path, net::Reply& reply);
  [[nodiscard]] net::Task<void> generate(Endpoint endpoint, Path path, net::Request& request, net::Reply& reply);
  [[nodiscard]] net::Task<void> obey(Giving& giving);
  [[nodiscard]] net::Task<bool> fail_before(Giving& giving);
  void find_place(Giving& giving, const std::string& said) const;
  [[nodiscard]] bool is_down(const Fault& fault, const std::string& name) const;
  [[nodiscard]] net::Task<void> send_error(Giving& giving, Trouble trouble);

  net::Loop& loop_;
  Shared& shared_;
  json::Reader reader_;
};

}  // namespace bellwether::simulator
