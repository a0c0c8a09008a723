#include "chat/embeddings.h"

#include <openssl/evp.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <vector>

#include "json/elements.h"
#include "json/patch.h"

namespace bellwether::chat {
namespace {

static_assert(std::endian::native == std::endian::little, "float32 is copied as it lies in memory");

/// `[1, 2.5e-3]` as base64; nothing if an element is no number.
std::optional<std::string> encode(std::string_view array) {
  std::vector<float> values;
  const char* at = array.data() + 1;
  const char* const end = array.data() + array.size() - 1;
  const auto skip = [&](std::string_view these) {
    while (at < end && these.find(*at) != std::string_view::npos) ++at;
  };
  for (skip(" \t\r\n"); at < end; skip(" \t\r\n,")) {
    float value = 0;
    const auto parsed = std::from_chars(at, end, value);
    // A double that float32 cannot hold (1e-60) is a zero for every purpose of an embedding.
    if (parsed.ec != std::errc{} && parsed.ec != std::errc::result_out_of_range) return std::nullopt;
    values.push_back(value);
    at = parsed.ptr;
  }
  const std::size_t size = values.size() * sizeof(float);
  std::string text(4 * ((size + 2) / 3) + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), reinterpret_cast<const unsigned char*>(values.data()), static_cast<int>(size));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

}  // namespace

std::optional<std::string> to_base64_embeddings(std::string_view body, json::Reader& reader) {
  const auto members = reader.outline(body);
  if (!members) return std::nullopt;
  const json::Member* data = json::find(*members, "data");
  if (data == nullptr || data->kind != json::Kind::array) return std::nullopt;
  json::Patch patch{body};
  for (const std::string_view element : json::elements(data->raw)) {
    if (!element.starts_with('{')) continue;
    const auto item = reader.outline(element);
    if (!item) return std::nullopt;
    const json::Member* embedding = json::find(*item, "embedding");
    if (embedding == nullptr || embedding->kind != json::Kind::array) continue;
    auto encoded = encode(embedding->raw);
    if (!encoded) return std::nullopt;
    patch.replace(embedding->raw, "\"" + *encoded + "\"");
  }
  if (patch.empty()) return std::nullopt;
  return patch.apply();
}

}  // namespace bellwether::chat
