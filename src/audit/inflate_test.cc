#include "audit/inflate.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

namespace bellwether::audit {
namespace {

std::string gzip(std::string_view text) {
  z_stream stream{};
  ::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(::deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(::ZSTD_compressBound(text.size()), '\0');
  out.resize(::ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

struct Unpacked {
  std::string text;
  std::optional<UnpackFault> fault;
};
Unpacked unpack(std::string_view packed, std::size_t step = 4096) {
  Unpacked result;
  const auto unpacker = make_unpacker(packing_of(packed));
  for (std::size_t at = 0; at < packed.size(); at += step) unpacker->feed(packed.substr(at, step), [&](std::string_view piece) { result.text += piece; });
  unpacker->finish();
  result.fault = unpacker->fault();
  return result;
}

std::string some_text() {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "line " + std::to_string(i * 7919) + "\n";
  return text;
}

TEST(Unpacker, GivesBackWhatWasPackedHoweverTheBytesAreCut) {
  const std::string text = some_text();
  for (const std::string& packed : {gzip(text), zstd(text)})
    for (const std::size_t step : {1U, 7U, 1000U, 1U << 20}) {
      const Unpacked result = unpack(packed, step);
      EXPECT_FALSE(result.fault);
      EXPECT_EQ(result.text, text);
    }
}

TEST(Unpacker, TakesMembersBehindEachOtherForOneSource) {
  EXPECT_EQ(unpack(gzip("a\n") + gzip("") + gzip("b\n")).text, "a\nb\n");
  EXPECT_EQ(unpack(zstd("a\n") + zstd("b\n")).text, "a\nb\n");
  const Unpacked padded = unpack(gzip("a\n") + std::string(512, '\0'));
  EXPECT_EQ(padded.text, "a\n");
  EXPECT_FALSE(padded.fault);
}

TEST(Unpacker, TakesNoInputForNoInput) {
  for (const std::string& packed : {gzip("a\n"), zstd("a\n")}) {
    const auto unpacker = make_unpacker(packing_of(packed));
    std::string text;
    for (const std::string_view piece : {std::string_view(packed), std::string_view()}) unpacker->feed(piece, [&](std::string_view out) { text += out; });
    unpacker->finish();
    EXPECT_EQ(text, "a\n");
    EXPECT_FALSE(unpacker->fault());
  }
}

TEST(Unpacker, KeepsWhatCameBeforeACut) {
  const std::string text = some_text();
  for (const std::string& packed : {gzip(text), zstd(text)}) {
    const Unpacked result = unpack(std::string_view(packed).substr(0, packed.size() / 2));
    ASSERT_TRUE(result.fault);
    EXPECT_NE(result.fault->what.find("cut off"), std::string::npos);
    EXPECT_EQ(result.fault->packed_at, packed.size() / 2);
    EXPECT_EQ(result.fault->unpacked_at, result.text.size());
    EXPECT_TRUE(text.starts_with(result.text));
    EXPECT_FALSE(result.text.empty());
  }
}

TEST(Unpacker, SaysWhereDamageIs) {
  const std::string text = some_text();
  for (std::string packed : {gzip(text), zstd(text)}) {
    for (std::size_t i = 0; i < 64; ++i) packed[packed.size() / 2 + i] = '\xff';
    const Unpacked result = unpack(packed);
    ASSERT_TRUE(result.fault);
    EXPECT_NE(result.fault->what.find("damaged"), std::string::npos) << result.fault->what;
    EXPECT_GE(result.fault->packed_at, packed.size() / 4);
  }
  ASSERT_TRUE(unpack(gzip("a\n") + "rubbish").fault);
  EXPECT_EQ(unpack(gzip("a\n") + "rubbish").text, "a\n");
}

TEST(Unpacker, GivesABombInPieces) {
  const std::string packed = gzip(std::string(64 << 20, 'x'));
  const auto unpacker = make_unpacker(Packing::gzip);
  std::size_t largest = 0, sum = 0;
  unpacker->feed(packed, [&](std::string_view piece) {
    largest = std::max(largest, piece.size());
    sum += piece.size();
  });
  EXPECT_EQ(sum, std::size_t{64} << 20);
  EXPECT_LE(largest, std::size_t{128} << 10);
}

TEST(Packing, IsKnownByTheFirstBytes) {
  EXPECT_EQ(packing_of(gzip("")), Packing::gzip);
  EXPECT_EQ(packing_of(zstd("")), Packing::zstd);
  EXPECT_EQ(packing_of("P*M\x18...."), Packing::zstd);
  EXPECT_EQ(packing_of("INFO"), Packing::none);
  EXPECT_EQ(packing_of(""), Packing::none);
}

}  // namespace
}  // namespace bellwether::audit
