// Finds out what upstreams serve, where no model is configured: asks each for its list, and again from time to time. Lives on the
// control loop, away from requests.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/model.h"
#include "catalog/upstream.h"
#include "net/loop.h"

namespace bellwether::gateway {

/// What an upstream's GET /models says.
struct ModelList {
  struct Entry {
    std::string id;
    std::int64_t created = 0;
  };
  std::vector<Entry> models;
  /// Told by `owned_by`: "vllm", "llamacpp", "deepseek" (wire.md §A, §B). Nothing: another, which speaks OpenAI's dialect.
  std::optional<catalog::DialectName> dialect;
};

/// Fails with upstream_broken where the text is no model list. Entries that are not usable are left out.
[[nodiscard]] Result<ModelList> read_model_list(std::string_view body);

/// The models of all lists: each is served under its own name by every upstream that lists it, in the upstreams' order.
/// A list that is not known yet is null.
[[nodiscard]] std::vector<catalog::Model> merge(const std::vector<std::optional<ModelList>>& lists);

enum class DialectFrom : std::uint8_t { config, model_list };

/// What discovery knows at one moment.
struct Discovered {
  std::vector<catalog::Upstream> upstreams;
  std::vector<catalog::Model> models;
  bool complete = false;  ///< Every upstream has answered at least once.
};

class Discovery {
 public:
  /// `on_found` is called on `loop` after the first round, whatever came of it, and after each round that changed something.
  Discovery(net::Loop& loop, std::vector<catalog::Upstream> upstreams, DialectFrom dialects, std::function<void(const Discovered&)> on_found);
  ~Discovery();  ///< No call of `on_found` afterwards. On the loop's thread, or when it has stopped.
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace bellwether::gateway
