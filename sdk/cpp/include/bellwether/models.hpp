// The models that a key may use.
#pragma once

#include "bellwether/chat.hpp"

namespace bellwether::inline v1 {

struct BELLWETHER_API Model {
  std::string id = {};
  std::int64_t created = 0;
  std::string owned_by = {};
  std::string raw_json = {};

  [[nodiscard]] const std::string& raw() const noexcept { return raw_json; }
};

struct BELLWETHER_API ModelList {
  std::vector<Model> data = {};
  std::string request_id = {};
  int attempts = 0;
  std::string raw_json = {};

  [[nodiscard]] const std::string& raw() const noexcept { return raw_json; }
};

}  // namespace bellwether::inline v1
