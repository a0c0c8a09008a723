// Embeddings: texts to vectors.
#pragma once

#include "bellwether/chat.hpp"

namespace bellwether::inline v1 {

struct EmbeddingRequest {
  std::string model = {};
  std::vector<std::string> input = {};
  std::optional<std::int64_t> dimensions = {};
  Extra extra = {};
};

struct Embedding {
  std::int64_t index = 0;  ///< Which of the inputs.
  std::vector<float> values = {};
};

struct BELLWETHER_API Embeddings {
  std::string model = {};
  std::vector<Embedding> data = {};
  std::optional<Usage> usage = {};
  std::string request_id = {};
  int attempts = 0;
  std::string raw_json = {};

  [[nodiscard]] const std::string& raw() const noexcept { return raw_json; }
};

}  // namespace bellwether::inline v1
