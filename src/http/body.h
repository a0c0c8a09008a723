// Where a body ends: by length, by chunks, or with the connection. Takes bytes as they come and tells which of them are content.
// Strict about chunk sizes (hexadecimal digits, CRLF, nothing between), because that is where smuggling starts.
// A value; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/head.h"

namespace bellwether::http {

/// How to read a body: framing of its head, plus what the head does not say.
enum class Ends : std::uint8_t { by_framing, with_connection };

class BodyReader {
 public:
  BodyReader() : BodyReader(Framing{}, Ends::by_framing) {}
  BodyReader(const Framing& framing, Ends ends);

  enum class Status : std::uint8_t { content, needs_more, complete, bad };
  struct Step {
    Status status;
    std::string_view content;  ///< content: the next bytes of the body; a view into `bytes`.
    std::size_t consumed;      ///< Bytes of `bytes` that are done with, framing included, whatever the status.
  };
  /// Looks at the front of `bytes` and takes one step; call again with the rest until it says needs_more, complete or bad.
  /// After `complete` it must not be called; bytes that were not consumed belong to the next message.
  [[nodiscard]] Step step(std::string_view bytes);

  /// Whether the body is known to be complete without another byte (length 0, or all of it was stepped over).
  [[nodiscard]] bool complete() const;

  /// Tells that the connection ended. True if that completes the body (Ends::with_connection), false if it cuts it.
  [[nodiscard]] bool end_of_connection();

 private:
  enum class State : std::uint8_t {
    length,
    until_close,
    chunk_size,
    chunk_extension,
    chunk_size_lf,
    chunk_data,
    chunk_data_cr,
    chunk_data_lf,
    trailer_start,
    trailer_line,
    trailer_lf,
    last_lf,
    complete,
    bad
  };
  State state_;
  std::uint8_t digits_ = 0;            ///< Hexadecimal digits seen of the chunk size; 16 is too many.
  std::uint32_t framing_bytes_ = 0;    ///< Of chunk extensions and trailers: bounded, they are of no use to anyone here.
  std::uint32_t extension_bytes_ = 0;  ///< Of them, in the present chunk's extensions.
  std::uint64_t left_ = 0;             ///< Bytes of content still to come in this chunk or body.
};

}  // namespace bellwether::http
