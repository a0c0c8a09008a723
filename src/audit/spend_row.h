// One row of LiteLLM's tables, put together column by column, whatever it was written in. Used by litellm_spend.cc alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "audit/json_records.h"
#include "audit/reading.h"
#include "audit/request_fields.h"

namespace bellwether::audit {

enum class SpendField : std::uint8_t {
  none,
  id,
  call_type,
  model,
  model_group,
  start,
  first,
  end,
  input,
  cached,
  output,
  status,
  cache_hit,
  metadata,
  request,
  date,
  requests_ok,
  requests_failed,
  requests_all,
};

/// Columns, and members inside the columns that hold JSON (`metadata`, `proxy_server_request`).
[[nodiscard]] std::span<const FieldTable<SpendField>::Row> spend_rows();

class SpendRow {
 public:
  void clear();
  void take(SpendField field, std::string_view text);
  [[nodiscard]] RequestFields& request() { return request_; }
  /// Tells it, or why not.
  void tell(Place place, Sink& sink) const;

 private:
  void tell_day(Place place, Sink& sink) const;

  std::string id_, call_type_, model_, model_group_;
  std::optional<Instant> start_, first_, end_, date_;
  std::optional<std::uint64_t> input_, cached_, output_, ok_, failed_, all_;
  bool is_failure_ = false, is_cache_hit_ = false, is_absurd_ = false;
  RequestFields request_;
};

}  // namespace bellwether::audit
