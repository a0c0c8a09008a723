// The header fields that every reply to a generating request carries.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/text.h"
#include "gateway/trail.h"
#include "net/session.h"

namespace bellwether::gateway {

/// Views into `trail`, which must outlive it.
class ReplyFields {
 public:
  ReplyFields(const Trail& trail, std::string_view content_type) {
    add("content-type", content_type);
    add("x-request-id", trail.id.text());
    if (!trail.client_request_id.empty()) add("x-client-request-id", trail.client_request_id);
    if (trail.upstream != nullptr && !trail.failed) add("x-bellwether-upstream", trail.upstream->name);
    if (trail.attempts > 0) {
      attempts_ = Digits{trail.attempts};
      add("x-bellwether-attempts", attempts_);
    }
  }
  ReplyFields(const ReplyFields&) = delete;
  ReplyFields& operator=(const ReplyFields&) = delete;

  /// There is room for six more.
  void add(std::string_view name, std::string_view value) { fields_[count_++] = {name, value}; }
  [[nodiscard]] std::span<const net::ReplyField> all() const { return {fields_.data(), count_}; }

 private:
  std::array<net::ReplyField, 12> fields_;
  Digits attempts_{0};
  std::size_t count_ = 0;
};

}  // namespace bellwether::gateway
