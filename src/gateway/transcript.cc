#include "gateway/transcript.h"

#include <algorithm>
#include <array>

namespace bellwether::gateway {
namespace {

// Most answers are longer; it saves the first few growths.
constexpr std::size_t text_bytes_usual = 256;

/// What Python's and Jinja's `strip` take for white space, as UTF-8: chat templates are written in it.
constexpr std::array<std::string_view, 29> white_space{" ",
                                                       "\t",
                                                       "\n",
                                                       "\r",
                                                       "\v",
                                                       "\f",
                                                       "\x1c",
                                                       "\x1d",
                                                       "\x1e",
                                                       "\x1f",
                                                       "\xC2\x85",
                                                       "\xC2\xA0",
                                                       "\xE1\x9A\x80",
                                                       "\xE2\x80\x80",
                                                       "\xE2\x80\x81",
                                                       "\xE2\x80\x82",
                                                       "\xE2\x80\x83",
                                                       "\xE2\x80\x84",
                                                       "\xE2\x80\x85",
                                                       "\xE2\x80\x86",
                                                       "\xE2\x80\x87",
                                                       "\xE2\x80\x88",
                                                       "\xE2\x80\x89",
                                                       "\xE2\x80\x8A",
                                                       "\xE2\x80\xA8",
                                                       "\xE2\x80\xA9",
                                                       "\xE2\x80\xAF",
                                                       "\xE2\x81\x9F",
                                                       "\xE3\x80\x80"};

std::string_view without_space_at_end(std::string_view text) {
  const auto ends = [&](std::string_view space) { return text.ends_with(space); };
  for (;;) {
    const auto* space = std::ranges::find_if(white_space, ends);
    if (space == white_space.end()) return text;
    text.remove_suffix(space->size());
  }
}

}  // namespace

void Transcript::begin_leg() {
  tokens_before_ = tokens_;
  progressed_ = false;
}

void Transcript::give_up(chat::Obstacle obstacle) {
  if (obstacle_ != chat::Obstacle::none) return;
  obstacle_ = obstacle;
  substance_ = true;
  text_ = {};
}

void Transcript::note(const chat::EventFacts& facts) {
  using chat::Obstacle;
  passed_ = true;
  if (facts.first_token) {
    ++tokens_;
    progressed_ = true;
    if (obstacle_ != Obstacle::none) substance_ = true;
  }
  reasoned_ = reasoned_ || facts.reasoning;
  if (facts.reasoning && !facts.text) ++thoughts_;
  if (facts.in_tool_call) give_up(Obstacle::tool_call);
  if (facts.refusal) give_up(Obstacle::refusal);
  if (facts.other_choice) give_up(Obstacle::several_choices);
  if (facts.logprobs) give_up(Obstacle::logprobs);
  if (facts.finished) {
    obstacle_ = Obstacle::finished;
    substance_ = true;
    text_ = {};
  }
}

void Transcript::keep(std::size_t bytes_more) {
  if (text_.empty()) text_.reserve(text_bytes_usual);
  if (text_.size() + bytes_more > text_bytes_max) give_up(chat::Obstacle::text_too_long);
}

void Transcript::on_passed(const chat::EventFacts& facts) {
  note(facts);
  if (!facts.text || obstacle_ != chat::Obstacle::none) return;
  keep(facts.text_raw.size());
  if (obstacle_ != chat::Obstacle::none) return;
  const std::size_t before = text_.size();
  if (!unquoter_.append(text_, facts.text_raw)) give_up(chat::Obstacle::split_character);
  else note_blank(std::string_view(text_).substr(before));
}

void Transcript::on_passed(const chat::EventFacts& facts, std::string_view text) {
  note(facts);
  if (text.empty() || obstacle_ != chat::Obstacle::none) return;
  keep(text.size());
  if (obstacle_ != chat::Obstacle::none) return;
  text_ += text;
  note_blank(text);
}

void Transcript::note_blank(std::string_view added) {
  if (added.empty()) return;
  // Nearly all text begins with a letter, which decides without looking through the table.
  const auto first = static_cast<unsigned char>(added.front());
  const bool may_be_blank = first <= ' ' || (first >= 0xC2 && first <= 0xE3);
  blank_tail_ = may_be_blank && without_space_at_end(added).empty() ? blank_tail_ + 1 : 0;
}

std::string_view Transcript::text_to_continue() const { return without_space_at_end(text_); }

chat::Obstacle Transcript::obstacle() const {
  using chat::Obstacle;
  if (obstacle_ != Obstacle::none) return obstacle_;
  if (unquoter_.mid_character()) return Obstacle::split_character;
  return reasoned_ && text_to_continue().empty() ? Obstacle::reasoning : Obstacle::none;
}

Standing Transcript::standing() const {
  if (!passed_) return Standing::unseen;
  if (obstacle_ != chat::Obstacle::none && !substance_) return Standing::restartable;
  if (obstacle() != chat::Obstacle::none) return Standing::lost;
  return text_to_continue().empty() ? Standing::restartable : Standing::continuable;
}

}  // namespace bellwether::gateway
