// What one choice of an answer says: its tokens from where it begins, or goes on, to where its request bounds it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/ask.h"
#include "simulator/words.h"

namespace bellwether::simulator {

class Speech {
 public:
  /// `tokens`: of an answer that nothing bounds. `choice` counts from 0; each says something else.
  Speech(std::uint64_t seed, std::uint64_t tokens, const Ask& ask, const Place& from, std::uint64_t choice);

  /// How many pieces there are to send.
  [[nodiscard]] std::uint64_t pieces() const { return pieces_; }
  /// Appends a piece as it stands within a JSON string.
  void append_piece(std::string& out, std::uint64_t number) const;
  /// Tokens made: those of the pieces, and those that only completed a stop string, which is not said.
  [[nodiscard]] std::uint64_t tokens() const { return tokens_; }
  [[nodiscard]] std::string_view finish_reason() const { return reason_; }
  /// The stop string that ended it; empty: none did.
  [[nodiscard]] std::string_view stopped_by() const { return stopped_by_; }

 private:
  void stop_at(const std::vector<std::string>& stops);
  [[nodiscard]] std::string text(std::uint64_t number) const;

  Words words_;
  Place from_;
  std::uint64_t pieces_, tokens_;
  std::string_view reason_ = "stop";
  std::string stopped_by_;
  std::string last_;  ///< What a stop string left of the last piece; empty: all of it.
};

}  // namespace bellwether::simulator
