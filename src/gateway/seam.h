// Where the text of a second upstream meets that of the first: what the caller has already seen is left out, and nothing else.
// Pure. Lives from the break of a stream until its continuation is under way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "json/reader.h"

namespace bellwether::gateway {

/// Whether the second upstream may repeat the whole of what it was given.
enum class Echo : bool { never, maybe };

class Seam {
 public:
  /// `shown` is all that the caller has seen, of which the upstream was given the first `given_bytes`: the rest is white space.
  Seam(std::string_view shown, std::size_t given_bytes, Echo echo);

  /// Takes a piece of the second upstream's text (a raw JSON string) and appends what the caller is to get now. False where the piece
  /// is no JSON string. `shown` is what it was at the beginning.
  [[nodiscard]] bool take(std::string_view raw, std::string_view shown, std::string& out);
  /// The second upstream has said all: appends what was held back.
  void end(std::string_view shown, std::string& out);

  /// Nothing is held and nothing more will be left out: pieces can be passed on as they come.
  [[nodiscard]] bool open() const { return stage_ == Stage::open && !unquoter_.mid_character(); }
  /// Pieces that were white space the caller had: counted by both upstreams.
  [[nodiscard]] std::int64_t repeated_pieces() const { return repeated_pieces_; }

 private:
  enum class Stage : std::uint8_t { echo, space, open };
  void pass(std::string_view text, std::string_view shown, std::string& out);

  json::Unquoter unquoter_;
  std::size_t given_bytes_;
  std::size_t matched_ = 0;  ///< Bytes of what is expected in this stage that have come.
  std::int64_t repeated_pieces_ = 0;
  Stage stage_;
};

}  // namespace bellwether::gateway
