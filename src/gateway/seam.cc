#include "gateway/seam.h"

#include <algorithm>
#include <vector>

namespace bellwether::gateway {
namespace {

// A shorter text may well come again because the answer wants it so.
constexpr std::size_t echo_bytes_min = 32;

/// The length of the shortest piece of which `text` is a repetition, the last one perhaps cut off (Knuth, Morris, Pratt).
std::size_t period_of(std::string_view text) {
  std::vector<std::uint32_t> border(text.size(), 0);
  for (std::size_t i = 1; i < text.size(); ++i) {
    std::size_t size = border[i - 1];
    while (size > 0 && text[i] != text[size]) size = border[size - 1];
    border[i] = static_cast<std::uint32_t>(text[i] == text[size] ? size + 1 : 0);
  }
  return text.size() - border.back();
}

/// Whether a continuation that begins with all of `text` can only be an upstream that repeats its prompt. After "ha ha ha" it may be
/// the answer that goes on.
bool betrays_an_echo(std::string_view text) { return text.size() >= echo_bytes_min && period_of(text) > text.size() / 2; }

std::size_t common_bytes(std::string_view one, std::string_view other) {
  const auto [end, unused] = std::mismatch(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(std::min(one.size(), other.size())), other.begin());
  return static_cast<std::size_t>(end - one.begin());
}

}  // namespace

Seam::Seam(std::string_view shown, std::size_t given_bytes, Echo echo)
    : given_bytes_{given_bytes},
      stage_{echo == Echo::maybe && betrays_an_echo(shown.substr(0, given_bytes)) ? Stage::echo
             : given_bytes < shown.size()                                         ? Stage::space
                                                                                  : Stage::open} {}

void Seam::pass(std::string_view text, std::string_view shown, std::string& out) {
  if (stage_ == Stage::echo) {
    const std::string_view given = shown.substr(0, given_bytes_);
    const std::size_t same = common_bytes(text, given.substr(matched_));
    matched_ += same;
    text.remove_prefix(same);
    if (matched_ == given.size()) {
      stage_ = Stage::space;
      matched_ = 0;
    } else if (text.empty()) {
      return;
    } else {
      // No echo after all: what looked like one is the answer.
      const std::string held = std::string(given.substr(0, matched_)) + std::string(text);
      stage_ = Stage::space;
      matched_ = 0;
      return pass(held, shown, out);
    }
  }
  if (stage_ == Stage::space) {
    const std::string_view space = shown.substr(given_bytes_ + matched_);
    std::size_t same = common_bytes(text, space);
    // Characters that begin alike are not alike.
    while (same > 0 && same < text.size() && (static_cast<unsigned char>(text[same]) & 0xC0) == 0x80) --same;
    matched_ += same;
    if (same > 0 && same == text.size()) ++repeated_pieces_;
    text.remove_prefix(same);
    if (same == space.size() || !text.empty()) stage_ = Stage::open;
  }
  out += text;
}

bool Seam::take(std::string_view raw, std::string_view shown, std::string& out) {
  std::string text;
  if (!unquoter_.append(text, raw)) return false;
  pass(text, shown, out);
  return true;
}

void Seam::end(std::string_view shown, std::string& out) {
  if (stage_ != Stage::echo) return;
  const std::string held(shown.substr(0, matched_));
  stage_ = Stage::space;
  matched_ = 0;
  pass(held, shown, out);
  stage_ = Stage::open;
}

}  // namespace bellwether::gateway
