// One immutable version of the catalog: every model, alias and upstream at one moment. A request pins the revision that it
// begins with; a reload publishes a new one. Shared by all lanes without locks, because nothing in it changes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "catalog/model.h"
#include "catalog/upstream.h"

namespace bellwether::catalog {

/// Whether all models are known, or some upstream has not said yet which it serves.
enum class Known : std::uint8_t { all, not_all_yet };

class Revision {
 public:
  Revision() = default;
  /// `models` must be free of duplicate names (config/ and discovery see to it; checked here as an invariant).
  Revision(std::uint64_t number, std::vector<Upstream> upstreams, std::vector<Model> models, Known known = Known::all);
  Revision(const Revision&) = delete;
  Revision& operator=(const Revision&) = delete;

  /// The model that a caller means: exact id, else alias, else either without regard to ASCII case. Null if none.
  [[nodiscard]] const Model* find(std::string_view name) const;

  /// As `find`, for a request: fails with model_unknown, whose public text names the nearest ids. At most 200 bytes of
  /// the asked name are repeated. While not all models are known the failure is no_upstream: asking again later may help.
  [[nodiscard]] Result<const Model*> resolve(std::string_view name) const;

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] Known known() const { return known_; }
  [[nodiscard]] std::span<const Upstream> upstreams() const { return upstreams_; }
  [[nodiscard]] std::span<const Model> models() const { return models_; }

 private:
  std::uint64_t number_ = 0;
  Known known_ = Known::not_all_yet;
  std::vector<Upstream> upstreams_;
  std::vector<Model> models_;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  template <class Value>
  using ByName = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;
  ByName<std::size_t> by_name_;        ///< Ids and aliases as written.
  ByName<std::size_t> by_lower_name_;  ///< The same in lower case; an id wins over an alias.
};

}  // namespace bellwether::catalog
