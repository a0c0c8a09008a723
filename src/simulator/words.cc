#include "simulator/words.h"

#include <algorithm>
#include <array>

#include "base/random.h"

namespace bellwether::simulator {
namespace {

constexpr std::array<std::string_view, 32> words{" the",   " 안녕하세요", " sheep", " 양떼가", " leads",  " 그래서", " answer", " 👋🏽",
                                                 " is",    " 서울",       " of",    " 토큰",   " stream", " 모델은", " quick",  " 🐑",
                                                 " and",   " 천천히",     " then",  " 언덕을", " over",   " 넘어",   " a",      " 한 번",
                                                 " moved", " 데이터",     " with",  " 빠르게", " out",    " 그리고", " loss",   "."};

}  // namespace

Words::Words(std::uint64_t seed, std::string_view question) : state_{seed} {
  // FNV-1a over the question; its quality matters little here, its being the same everywhere does.
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : question) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  state_ ^= hash;
}

std::string_view Words::at(std::uint64_t index) const { return words[Random{state_ + index}.below(words.size())]; }

std::uint64_t tokens_of(std::string_view text) { return std::max<std::uint64_t>(1, text.size() / 4); }

}  // namespace bellwether::simulator
