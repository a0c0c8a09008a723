#include "audit/inflate.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"

namespace bellwether::audit {
namespace {

// Large enough that calls cost nothing, small enough to stay in the second-level cache while a reader goes over it.
constexpr std::size_t output_bytes = std::size_t{128} << 10;
// 32 MiB. zstd's usual levels need 8; what `--long` and `--ultra` pack may need more than an audit may take.
constexpr int zstd_window_log_max = 25;

class Gzip final : public Unpacker {
 public:
  Gzip() { BW_CHECK(::inflateInit2(&stream_, 15 + 16) == Z_OK); }
  ~Gzip() override { ::inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  void feed(std::string_view packed, const Output& output) override {
    while (!packed.empty() && !fault_) {
      if (between_members_ && !begin_member(packed)) return;
      // zlib counts in 32 bits; and its type has no const.
      const std::size_t size = std::min(packed.size(), std::size_t{1} << 30);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
      stream_.avail_in = static_cast<uInt>(size);
      inflate_all(output);
      const std::size_t taken = size - stream_.avail_in;
      packed_at_ += taken;
      packed.remove_prefix(taken);
      if (fault_) fault_->packed_at = packed_at_;
    }
  }

  void finish() override {
    if (!fault_ && !between_members_) fail("the gzip data ends in the middle: it was cut off");
  }
  [[nodiscard]] const std::optional<UnpackFault>& fault() const override { return fault_; }

 private:
  /// False where nothing but padding is left.
  bool begin_member(std::string_view& packed) {
    if (any_member_) {
      // Tapes and some tools fill up with zeros.
      while (!packed.empty() && packed.front() == '\0') {
        packed.remove_prefix(1);
        ++packed_at_;
      }
      if (packed.empty()) return false;
      if (packed.front() != '\x1f') {
        fail("something that is no gzip data follows the gzip data");
        return false;
      }
      ::inflateReset(&stream_);
    }
    any_member_ = true;
    between_members_ = false;
    return true;
  }

  void inflate_all(const Output& output) {
    for (;;) {
      stream_.next_out = reinterpret_cast<Bytef*>(out_->data());
      stream_.avail_out = static_cast<uInt>(out_->size());
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      const std::size_t given = out_->size() - stream_.avail_out;
      if (given > 0) output({out_->data(), given});
      unpacked_at_ += given;
      if (status == Z_STREAM_END) {
        between_members_ = true;
        return;
      }
      if (status == Z_BUF_ERROR) return;  // Wants more.
      if (status != Z_OK) return fail(std::string("the gzip data is damaged (") + (stream_.msg != nullptr ? stream_.msg : "zlib gives no reason") + ")");
      if (stream_.avail_in == 0 && stream_.avail_out != 0) return;
    }
  }

  void fail(std::string what) { fault_ = UnpackFault{std::move(what), packed_at_, unpacked_at_}; }

  z_stream stream_{};
  std::unique_ptr<std::array<char, output_bytes>> out_ = std::make_unique<std::array<char, output_bytes>>();
  std::optional<UnpackFault> fault_;
  std::uint64_t packed_at_ = 0;
  std::uint64_t unpacked_at_ = 0;
  bool between_members_ = true;
  bool any_member_ = false;
};

class Zstd final : public Unpacker {
 public:
  Zstd() : stream_{::ZSTD_createDStream()} {
    BW_CHECK(stream_ != nullptr);
    BW_CHECK(::ZSTD_isError(::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, zstd_window_log_max)) == 0);
  }
  ~Zstd() override { ::ZSTD_freeDStream(stream_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  void feed(std::string_view packed, const Output& output) override {
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    bool is_full = true;  // More may be waiting inside.
    while (!fault_ && (in.pos < in.size || is_full)) {
      ZSTD_outBuffer out{out_->data(), out_->size(), 0};
      const std::size_t before = in.pos;
      const std::size_t status = ::ZSTD_decompressStream(stream_, &out, &in);
      packed_at_ += in.pos - before;
      if (out.pos > 0) output({out_->data(), out.pos});
      unpacked_at_ += out.pos;
      if (::ZSTD_isError(status) != 0) return fail(status);
      is_full = out.pos == out.size;
      // Between frames, asked without input, it wants the next one's head: that is no frame that has begun.
      if (status == 0) mid_frame_ = false;
      else if (in.pos > before) mid_frame_ = true;
      if (in.pos == before && out.pos == 0) return;
    }
  }

  void finish() override {
    if (!fault_ && mid_frame_) fault_ = UnpackFault{"the zstd data ends in the middle: it was cut off", packed_at_, unpacked_at_};
  }
  [[nodiscard]] const std::optional<UnpackFault>& fault() const override { return fault_; }

 private:
  void fail(std::size_t status) {
    const bool too_much = ::ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge;
    fault_ = UnpackFault{
        too_much ? std::string("the zstd data was packed with a window beyond 32 MiB (--long or --ultra): give it as `zstd -dc --long=31 FILE | … -`")
                 : std::string("the zstd data is damaged (") + ::ZSTD_getErrorName(status) + ")",
        packed_at_, unpacked_at_};
  }

  ZSTD_DStream* stream_;
  std::unique_ptr<std::array<char, output_bytes>> out_ = std::make_unique<std::array<char, output_bytes>>();
  std::optional<UnpackFault> fault_;
  std::uint64_t packed_at_ = 0;
  std::uint64_t unpacked_at_ = 0;
  bool mid_frame_ = false;
};

}  // namespace

Packing packing_of(std::string_view begin) {
  if (begin.starts_with("\x1f\x8b")) return Packing::gzip;
  if (begin.starts_with("\x28\xb5\x2f\xfd")) return Packing::zstd;
  // A skippable frame: pzstd writes them first.
  if (begin.size() >= 4 && (begin[0] & '\xf0') == '\x50' && begin.substr(1, 3) == "\x2a\x4d\x18") return Packing::zstd;
  return Packing::none;
}

std::unique_ptr<Unpacker> make_unpacker(Packing packing) {
  BW_CHECK(packing != Packing::none);
  if (packing == Packing::gzip) return std::make_unique<Gzip>();
  return std::make_unique<Zstd>();
}

}  // namespace bellwether::audit
