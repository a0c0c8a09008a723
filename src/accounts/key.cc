#include "accounts/key.h"

#include <openssl/evp.h>
#include <zlib.h>

#include <memory>

#include "base/check.h"

namespace bellwether::accounts {
namespace {

constexpr std::string_view base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
// Bytes from here on would make the first eight digits likelier than the rest.
constexpr unsigned fair_bytes = 248;

std::string checksum_of(std::string_view random_part) {
  std::uint32_t sum = static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(random_part.data()), static_cast<uInt>(random_part.size())));
  std::string text(key_checksum_chars, '0');
  for (std::size_t i = key_checksum_chars; i-- > 0; sum /= 62) text[i] = base62[sum % 62];
  return text;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

const EVP_MD* sha256() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched;
}

}  // namespace

std::string make_key_text(const std::array<std::uint8_t, 64>& entropy) {
  std::string random_part;
  for (const std::uint8_t byte : entropy)
    if (byte < fair_bytes && random_part.size() < key_random_chars) random_part += base62[byte % 62];
  // 64 bytes fall short of 34 fair ones about once in 10⁴⁰ draws.
  BW_CHECK(random_part.size() == key_random_chars);
  return std::string(key_prefix) + random_part + checksum_of(random_part);
}

bool well_formed(std::string_view key_text) {
  if (key_text.size() != key_chars || !key_text.starts_with(key_prefix)) return false;
  const std::string_view rest = key_text.substr(key_prefix.size());
  if (rest.find_first_not_of(base62) != std::string_view::npos) return false;
  return rest.substr(key_random_chars) == checksum_of(rest.substr(0, key_random_chars));
}

Digest digest_of(std::string_view key_text) {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context{EVP_MD_CTX_new()};
  Digest digest;
  const bool done = EVP_DigestInit_ex2(context.get(), sha256(), nullptr) == 1 && EVP_DigestUpdate(context.get(), key_text.data(), key_text.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  BW_CHECK(done);
  return digest;
}

std::string shown(std::string_view key_text) {
  constexpr std::size_t first = 7, last = 4;
  // A short text would be shown whole by its two ends: then only the first quarter.
  if (key_text.size() < 2 * (first + last)) return std::string(key_text.substr(0, key_text.size() / 4)) + "…";
  return std::string(key_text.substr(0, first)) + "…" + std::string(key_text.substr(key_text.size() - last));
}

}  // namespace bellwether::accounts
