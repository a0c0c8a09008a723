#include "simulator/speech.h"

#include <algorithm>

#include "json/reader.h"

namespace bellwether::simulator {
namespace {

void append_inside(std::string& out, std::string_view text) {
  const std::string quoted = json::quote(text);
  out.append(quoted, 1, quoted.size() - 2);
}

}  // namespace

Speech::Speech(std::uint64_t seed, std::uint64_t tokens, const Ask& ask, const Place& from, std::uint64_t choice)
    : words_{seed + choice, ask.question}, from_{from}, pieces_{tokens - from.index} {
  if (ask.tokens_max < pieces_) {
    pieces_ = ask.tokens_max;
    reason_ = "length";
  }
  tokens_ = pieces_;
  if (!ask.stops.empty()) stop_at(ask.stops);
}

/// The first stop string that comes about ends the answer before it, as soon as the token that completes it is there.
void Speech::stop_at(const std::vector<std::string>& stops) {
  std::string said;
  for (std::uint64_t number = 0; number < pieces_; ++number) {
    const std::size_t before = said.size();
    said += text(number);
    std::size_t end = std::string::npos;
    for (const std::string& stop : stops) {
      // It ends within this token, or it would have been found earlier.
      const std::size_t at = said.find(stop, before - std::min(before, stop.size() - 1));
      if (at >= end) continue;
      end = at;
      stopped_by_ = stop;
    }
    if (end == std::string::npos) continue;
    tokens_ = number + 1;
    reason_ = "stop";
    // Of the pieces that the stop string began in, only what stands before it is said.
    pieces_ = 0;
    for (std::size_t from = 0; from < end; ++pieces_) {
      const std::string piece = text(pieces_);
      if (from + piece.size() > end) last_ = piece.substr(0, end - from);
      from += piece.size();
    }
    return;
  }
}

std::string Speech::text(std::uint64_t number) const {
  std::string word = words_.text(from_.index + number);
  if (number == 0) word.erase(0, from_.bytes);
  return word;
}

void Speech::append_piece(std::string& out, std::uint64_t number) const {
  if (number + 1 == pieces_ && !last_.empty()) append_inside(out, last_);
  else if (number == 0 && from_.bytes > 0) append_inside(out, text(0));
  else out += words_.at(from_.index + number);
}

}  // namespace bellwether::simulator
