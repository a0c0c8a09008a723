#include "chat/embeddings.h"

#include <gtest/gtest.h>

namespace bellwether::chat {
namespace {

/// As it lies in a buffer, with the bytes behind it that the reader may look at.
std::optional<std::string> to_base64(std::string body) {
  json::Reader reader;
  body.reserve(body.size() + json::padding);
  return to_base64_embeddings(body, reader);
}

TEST(Embeddings, BecomeBase64AndTheRestStays) {
  const auto text = to_base64(R"({"data":[{"embedding":[1, -2.5,0],"index":0},{"embedding":[1e-60]}],"x":12345678901234567890})");
  EXPECT_EQ(text, R"({"data":[{"embedding":"AACAPwAAIMAAAAAA","index":0},{"embedding":"AAAAAA=="}],"x":12345678901234567890})");
}

TEST(Embeddings, StayAsTheyAreWhenEncodedAlready) {
  EXPECT_EQ(to_base64(R"({"data":[{"embedding":"AAAA"}]})"), std::nullopt);
  EXPECT_EQ(to_base64(R"({"data":5})"), std::nullopt);
}

}  // namespace
}  // namespace bellwether::chat
