#include "importing/command_line.h"

#include <fmt/format.h>

#include <algorithm>

namespace bellwether::importing {
namespace {

constexpr std::size_t words_max = 10'000;

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class Splitter {
 public:
  Splitter(std::string_view text, Quoting quoting, const Variables& variables, Place from)
      : text_{text}, quoting_{quoting}, variables_{variables}, here_{from} {}

  std::expected<std::vector<Word>, Trouble> run() {
    while (at_ < text_.size() && words_.size() < words_max) {
      if (!step()) return trouble(word_ ? word_->at : here_, "a quote that does not end");
    }
    end_word();
    if (at_ < text_.size()) return trouble(here_, fmt::format("more than {} words", words_max));
    return std::move(words_);
  }

  /// Everything is one word, without quotes.
  Word whole() {
    word_ = Word{.text = {}, .at = here_, .unknown = {}, .variable = {}};
    while (at_ < text_.size())
      if (peek() != '$' || !expand()) put(next());
    end_word();
    return std::move(words_.front());
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  char next() {
    const char c = text_[at_++];
    if (c == '\n') ++here_.line, here_.column = 1;
    else ++here_.column;
    return c;
  }
  void begin_word() {
    if (!word_) word_ = Word{.text = {}, .at = here_, .unknown = {}, .variable = {}};
  }
  void put(char c) {
    begin_word();
    word_->text += c;
    pieces_ += 1;
  }
  void end_word() {
    if (!word_) return;
    if (!is_one_variable()) word_->variable.clear();
    words_.push_back(*std::move(word_));
    word_.reset();
    pieces_ = variables_seen_ = 0;
  }
  /// The variable is all there is, but for a flag and its `=` before it.
  [[nodiscard]] bool is_one_variable() const { return variables_seen_ == 1 && pieces_ == variable_after_ && (pieces_ == 0 || flag_before_); }

  bool step() {
    const char c = peek();
    if (is_blank(c)) return next(), end_word(), true;
    if (c == '#' && !word_ && quoting_ == Quoting::shell) {
      while (at_ < text_.size() && peek() != '\n') next();
      return true;
    }
    if (c == '\'') return single_quoted();
    if (c == '"') return double_quoted();
    if (c == '\\') return escape(), true;
    if (c == '$' && expand()) return true;
    if (c == '%' && quoting_ == Quoting::systemd) return specifier(), true;
    begin_word();
    put(next());
    return true;
  }

  bool single_quoted() {
    begin_word();
    next();
    while (at_ < text_.size() && peek() != '\'') {
      if (quoting_ == Quoting::systemd && peek() == '$' && expand()) continue;  // systemd expands inside either quote.
      if (quoting_ == Quoting::systemd && peek() == '\\') escape();
      else put(next());
    }
    if (at_ == text_.size()) return false;
    next();
    return true;
  }
  bool double_quoted() {
    begin_word();
    next();
    while (at_ < text_.size() && peek() != '"') {
      if (peek() == '$' && expand()) continue;
      if (peek() == '%' && quoting_ == Quoting::systemd) specifier();
      else if (peek() != '\\') put(next());
      else if (quoting_ == Quoting::systemd || std::string_view("\"\\$`\n").find(peek(1)) != std::string_view::npos) escape();
      else put(next());
    }
    if (at_ == text_.size()) return false;
    next();
    return true;
  }
  void escape() {
    const bool line_end = peek(1) == '\n' || (peek(1) == '\r' && peek(2) == '\n');
    if (!line_end) begin_word();
    next();
    if (at_ == text_.size()) return put('\\');
    const char c = next();
    if (c == '\n') return;  // A line that goes on.
    if (c == '\r' && peek() == '\n') return static_cast<void>(next());
    if (quoting_ != Quoting::systemd) return put(c);
    if (c == 'n') put('\n');
    else if (c == 't') put('\t');
    else if (c == 's') put(' ');
    else put(c);
  }
  void specifier() {
    const char c = peek(1);
    begin_word();
    if (c == '%') return next(), put(next());
    if (c == '\0' || is_blank(c)) return put(next());
    word_->unknown.emplace_back(std::string("%") + c);
    put(next());
    put(next());
  }

  /// At a `$`. False: it is a plain one.
  bool expand() {
    if (peek(1) == '$' && quoting_ != Quoting::shell) return begin_word(), next(), put(next()), true;
    const bool braces = peek(1) == '{';
    std::size_t end = at_ + (braces ? 2 : 1);
    const std::size_t name_at = end;
    if (end >= text_.size() || !is_name_start(text_[end])) return false;
    while (end < text_.size() && is_name(text_[end])) ++end;
    const std::string name(text_.substr(name_at, end - name_at));
    std::optional<std::string> fallback;
    if (braces) {
      if (end < text_.size() && (text_[end] == ':' || text_[end] == '-')) {
        const std::size_t dash = text_[end] == ':' ? end + 1 : end;
        const std::size_t close = text_.find('}', end);
        if (close == std::string_view::npos || dash >= text_.size() || text_[dash] != '-') return false;
        fallback = std::string(text_.substr(dash + 1, close - dash - 1));
        end = close;
      }
      if (end >= text_.size() || text_[end] != '}') return false;
      ++end;
    }
    begin_word();
    flag_before_ = pieces_ == 0 || (word_->text.starts_with('-') && word_->text.ends_with('='));
    variable_after_ = pieces_;
    const std::string written(text_.substr(at_, end - at_));
    while (at_ < end) next();
    const auto known = variables_.find(name);
    const bool splits = !braces && pieces_ == 0 && quoting_ == Quoting::systemd && (at_ == text_.size() || is_blank(peek()));
    if (known != variables_.end() && splits) {
      split_value(known->second, name);
      return true;
    }
    word_->variable = name;
    ++variables_seen_;
    if (known != variables_.end()) word_->text += known->second;
    else if (fallback) word_->text += *fallback;
    else word_->text += written, word_->unknown.push_back(name);
    return true;
  }

  /// systemd's `$X` as a word of its own: as many words as its value has.
  void split_value(std::string_view value, const std::string& name) {
    const Place at = word_->at;
    word_.reset();
    pieces_ = 0;
    std::vector<Word> made;
    for (std::size_t from = 0; from < value.size();) {
      const std::size_t end = std::min(value.find_first_of(" \t\n", from), value.size());
      if (end > from && words_.size() + made.size() < words_max)
        made.push_back({.text = std::string(value.substr(from, end - from)), .at = at, .unknown = {}, .variable = {}});
      from = end + 1;
    }
    if (made.size() == 1) made.front().variable = name;
    words_.insert(words_.end(), made.begin(), made.end());
  }

  std::string_view text_;
  Quoting quoting_;
  const Variables& variables_;
  Place here_;
  std::size_t at_ = 0;
  std::optional<Word> word_;
  std::size_t pieces_ = 0;  ///< Characters of the word that stood in the text.
  std::size_t variable_after_ = 0;
  std::size_t variables_seen_ = 0;  ///< In the word.
  bool flag_before_ = false;
  std::vector<Word> words_;
};

}  // namespace

std::expected<std::vector<Word>, Trouble> split_words(std::string_view text, Quoting quoting, const Variables& variables, Place from) {
  return Splitter{text, quoting, variables, from}.run();
}

Word one_word(std::string_view text, const Variables& variables, Place at) { return Splitter{text, Quoting::compose, variables, at}.whole(); }

}  // namespace bellwether::importing
