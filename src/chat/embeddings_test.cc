#include "chat/embeddings.h"

#include <gtest/gtest.h>

namespace bellwether::chat {
namespace {

TEST(Embeddings, BecomeBase64AndTheRestStays) {
  json::Reader reader;
  const auto text = to_base64_embeddings(R"({"data":[{"embedding":[1, -2.5,0],"index":0},{"embedding":[1e-60]}],"x":12345678901234567890})", reader);
  EXPECT_EQ(text, R"({"data":[{"embedding":"AACAPwAAIMAAAAAA","index":0},{"embedding":"AAAAAA=="}],"x":12345678901234567890})");
}

TEST(Embeddings, StayAsTheyAreWhenEncodedAlready) {
  json::Reader reader;
  EXPECT_EQ(to_base64_embeddings(R"({"data":[{"embedding":"AAAA"}]})", reader), std::nullopt);
  EXPECT_EQ(to_base64_embeddings(R"({"data":5})", reader), std::nullopt);
}

}  // namespace
}  // namespace bellwether::chat
