// Unpacks gzip and zstd as they come, in constant memory, so that a bomb is only a long source. What was unpacked before a fault is good.
// Pure: bytes in, bytes out. One for a source; not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bellwether::audit {

enum class Packing : std::uint8_t { none, gzip, zstd };

/// By the first bytes; four of them are enough.
[[nodiscard]] Packing packing_of(std::string_view begin);

/// Why no more could be unpacked.
struct UnpackFault {
  std::string what;               ///< `the gzip data ends in the middle: it was cut off`
  std::uint64_t packed_at = 0;    ///< Bytes of the source that were taken.
  std::uint64_t unpacked_at = 0;  ///< Bytes that were given.
};

class Unpacker {
 public:
  using Output = std::function<void(std::string_view)>;

  virtual ~Unpacker() = default;
  /// Gives what these bytes unpack to, in pieces. Does nothing once there is a fault.
  virtual void feed(std::string_view packed, const Output& output) = 0;
  /// The source is at its end, which may be a fault.
  virtual void finish() = 0;
  [[nodiscard]] virtual const std::optional<UnpackFault>& fault() const = 0;
};

/// `packing` is not none. Members and frames behind each other are one source, as gzip and zstd themselves have it.
[[nodiscard]] std::unique_ptr<Unpacker> make_unpacker(Packing packing);

}  // namespace bellwether::audit
