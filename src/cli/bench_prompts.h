// What `bench` asks: prompts made of common words by a seed, or those of a file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace bellwether::cli {

struct MadePrompts {
  std::uint64_t input_tokens = 64;
  std::uint64_t seed = 1;
};

/// What goes into every body beside the prompt and the model.
struct BodyOptions {
  std::uint64_t output_tokens = 64;
  bool stream = true;
  std::string more;  ///< Raw members, such as `"temperature":0`; empty: none.
};

class Prompts {
 public:
  /// About as many tokens as are wanted: a common English word is about one. Each prompt begins differently, so that no server answers from
  /// what it has cached of another; the same seed and number give the same prompt.
  explicit Prompts(MadePrompts made) : made_{made} {}
  /// Of JSON lines: each an object with `prompt` (text) or `messages` (as the API has them), and perhaps `max_tokens`. In their order, again
  /// from the start when they are used up. Fails with a sentence that begins with file and line.
  [[nodiscard]] static Result<Prompts> read(const std::string& file);

  /// The body of request `number`, for this model (as a JSON string).
  [[nodiscard]] std::string body(std::uint64_t number, const std::string& model_quoted, const BodyOptions& options) const;
  [[nodiscard]] std::size_t from_file() const { return lines_.size(); }

 private:
  struct Line {
    std::string messages;  ///< Raw.
    std::uint64_t output_tokens = 0;
  };

  MadePrompts made_;
  std::vector<Line> lines_;
};

/// The members of a JSON object as text to be put into another; fails with a sentence. `model`, `messages` and `stream` are not for it.
[[nodiscard]] Result<std::string> members_to_add(const std::string& object);

}  // namespace bellwether::cli
