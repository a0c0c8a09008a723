#include "simulator/words.h"

#include <algorithm>
#include <array>

#include "base/random.h"
#include "json/reader.h"

namespace bellwether::simulator {
namespace {

// As they stand in JSON. White space alone and at the end, escapes, characters of several code units and of several code points: all
// that a seam between two answers could get wrong.
constexpr std::array<std::string_view, 48> words{" the",
                                                 " 안녕하세요",
                                                 " sheep",
                                                 " 양떼가",
                                                 " leads",
                                                 " 그래서",
                                                 " answer",
                                                 " 👋🏽",
                                                 " is",
                                                 " 서울",
                                                 " of",
                                                 " 토큰",
                                                 " stream",
                                                 " 모델은",
                                                 " quick",
                                                 " 🐑",
                                                 " and",
                                                 " 천천히",
                                                 " then",
                                                 " 언덕을",
                                                 " over",
                                                 " 넘어",
                                                 " a",
                                                 " 한 번",
                                                 " moved",
                                                 " 데이터",
                                                 " with",
                                                 " 빠르게",
                                                 " out",
                                                 " 그리고",
                                                 " loss",
                                                 ".",
                                                 "\\n",
                                                 "\\n\\n",
                                                 "  ",
                                                 R"( \"인용\")",
                                                 " ha",
                                                 " ha",
                                                 " \\ud83d\\ude80",
                                                 " 👨‍👩‍👧‍👦",
                                                 " cafe\xCC\x81",
                                                 " 🇰🇷",
                                                 "\\t",
                                                 "은",
                                                 "한글",
                                                 " C:\\\\dir",
                                                 " \\u00e9t\\u00e9",
                                                 " ❤️"};

}  // namespace

Words::Words(std::uint64_t seed, std::string_view question) : state_{Random{seed}.next()} {
  // The seed is mixed, or the next one would say the same words one place further on.
  // FNV-1a over the question; its quality matters little here, its being the same everywhere does.
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : question) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  state_ ^= hash;
}

std::string_view Words::at(std::uint64_t index) const { return words[Random{state_ + index}.below(words.size())]; }

std::string Words::text(std::uint64_t index) const { return json::unquote('"' + std::string(at(index)) + '"').value_or(""); }

std::optional<Place> Words::find_place(std::string_view said, std::uint64_t words_max) const {
  Place place;
  while (!said.empty()) {
    if (place.index == words_max) return std::nullopt;
    const std::string word = text(place.index);
    if (said.size() < word.size()) {
      if (!word.starts_with(said)) return std::nullopt;
      place.bytes = said.size();
      return place;
    }
    if (!said.starts_with(word)) return std::nullopt;
    said.remove_prefix(word.size());
    ++place.index;
  }
  return place;
}

std::uint64_t tokens_of(std::string_view text) { return std::max<std::uint64_t>(1, text.size() / 4); }

}  // namespace bellwether::simulator
