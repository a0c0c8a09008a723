#include "simulator/record.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace bellwether::simulator {
namespace {

constexpr std::size_t kept_max = 1000;
constexpr std::size_t body_bytes_max = std::size_t{256} << 10;  // Of each body; more is cut.

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::open: return "open";
    case Outcome::complete: return "complete";
    case Outcome::caller_gone: return "caller_gone";
    case Outcome::faulted: break;
  }
  return "faulted";
}

}  // namespace

std::shared_ptr<Asked> Record::add(const http::RequestHead& head, std::string_view body, TimePoint at) {
  auto asked = std::make_shared<Asked>();
  asked->at = at;
  asked->method = head.method_text;
  asked->path = head.path;
  asked->body = body.substr(0, body_bytes_max);
  for (const http::Field& field : head.fields.all()) {
    std::string name(field.name);
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    asked->headers.emplace_back(std::move(name), field.value);
  }
  const std::lock_guard lock{mutex_};
  asked->number = ++count_;
  asked_.push_back(asked);
  if (asked_.size() > kept_max) asked_.pop_front();
  return asked;
}

void Record::clear() {
  const std::lock_guard lock{mutex_};
  asked_.clear();
}

std::string Record::to_json() const {
  nlohmann::json list = nlohmann::json::array();
  const std::lock_guard lock{mutex_};
  for (const auto& asked : asked_) {
    nlohmann::json headers = nlohmann::json::object();
    for (const auto& [name, value] : asked->headers) headers[name] = value;
    list.push_back({{"n", asked->number},
                    {"at_ms", std::chrono::duration_cast<std::chrono::milliseconds>(asked->at.time_since_epoch()).count()},
                    {"method", asked->method},
                    {"path", asked->path},
                    {"headers", headers},
                    {"body", asked->body},
                    {"outcome", name_of(asked->outcome.load())},
                    {"tokens_sent", asked->tokens_sent.load()}});
  }
  return nlohmann::json{{"requests", std::move(list)}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace bellwether::simulator
