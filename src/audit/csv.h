// Records of comma-separated values (RFC 4180) from bytes that are cut anywhere: quoted fields may hold commas, quotes and line breaks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bellwether::audit {

/// One for a source. Of each field the first 64 KiB are kept, which is more than any field that is looked at.
class Csv {
 public:
  static constexpr std::size_t field_max = std::size_t{64} << 10;
  static constexpr std::size_t fields_max = 512;
  /// A record beyond it lacks a closing quote. What is behind it is read from the next line on.
  static constexpr std::size_t record_max = std::size_t{16} << 20;

  explicit Csv(char separator = ',') : separator_{separator} {}

  /// `on_record(std::span<const std::string> fields, std::uint64_t line)`, where the line is its first; `on_too_long(line)`.
  template <class OnRecord, class OnTooLong>
  void feed(std::string_view bytes, OnRecord&& on_record, OnTooLong&& on_too_long) {
    while (!bytes.empty()) {
      if (skipping_ || size_ >= record_max) {
        if (!skipping_) on_too_long(begun_);
        skipping_ = true;
        const std::size_t end = bytes.find('\n');
        if (end == std::string_view::npos) return;
        bytes.remove_prefix(end + 1);
        begun_ = ++line_;
        clear();
        skipping_ = false;
        continue;
      }
      const std::string_view run = bytes.substr(0, run_size(bytes));
      if (!run.empty()) {
        put(run);
        if (state_ != State::quoted) state_ = State::plain;
        size_ += run.size();
        bytes.remove_prefix(run.size());
        continue;
      }
      ++size_;
      const bool ends = take(bytes.front());
      bytes.remove_prefix(1);
      if (ends) end_record(on_record);
    }
  }
  template <class OnRecord>
  void finish(OnRecord&& on_record) {
    if (size_ > 0 && !skipping_) end_record(on_record);
  }

 private:
  enum class State : std::uint8_t { begin, plain, quoted, quote_in_quoted };

  /// True where the record ends.
  bool take(char c) {
    if (c == '\n') ++line_;
    if (state_ == State::quoted) {
      if (c == '"') state_ = State::quote_in_quoted;
      else put({&c, 1});
      return false;
    }
    if (c == '"' && state_ == State::quote_in_quoted) {
      put("\"");
      state_ = State::quoted;
    } else if (c == '"' && state_ == State::begin) {
      state_ = State::quoted;
    } else if (c == separator_) {
      end_field();
    } else if (c == '\n') {
      return true;
    } else if (c != '\r') {
      put({&c, 1});
      state_ = State::plain;
    }
    return false;
  }
  /// How many bytes from the front on only belong to the field.
  [[nodiscard]] std::size_t run_size(std::string_view bytes) const {
    std::size_t size = 0;
    if (state_ == State::quoted) {
      while (size < bytes.size() && bytes[size] != '"' && bytes[size] != '\n') ++size;
    } else {
      while (size < bytes.size() && bytes[size] != separator_ && bytes[size] != '"' && bytes[size] != '\n' && bytes[size] != '\r') ++size;
    }
    return size;
  }
  void put(std::string_view text) {
    if (count_ == fields_.size()) fields_.emplace_back();
    fields_[count_].append(text.substr(0, field_max - std::min(field_max, fields_[count_].size())));
  }
  void end_field() {
    if (count_ == fields_.size()) fields_.emplace_back();
    if (count_ + 1 < fields_max) ++count_;
    if (count_ < fields_.size()) fields_[count_].clear();
    state_ = State::begin;
  }
  template <class OnRecord>
  void end_record(OnRecord&& on_record) {
    const bool is_blank = count_ == 0 && (fields_.empty() || fields_[0].empty());
    end_field();
    if (!is_blank) on_record(std::span<const std::string>(fields_.data(), count_), begun_);
    clear();
    begun_ = line_;
  }
  void clear() {
    count_ = 0;
    size_ = 0;
    state_ = State::begin;
    if (!fields_.empty()) fields_[0].clear();
  }

  char separator_;
  State state_ = State::begin;
  bool skipping_ = false;
  std::vector<std::string> fields_;  ///< Reused; `count_` are complete.
  std::size_t count_ = 0;
  std::size_t size_ = 0;
  std::uint64_t line_ = 1;
  std::uint64_t begun_ = 1;
};

}  // namespace bellwether::audit
