// What readers of JSON records have in common: where records stand in a text (lines, an array, `data` of an answer), and tables that say
// which members of them matter.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "audit/reading.h"
#include "json/events.h"

namespace bellwether::audit {

/// Members by their paths. `Field` is an enum whose 0 means `none`.
template <class Field>
class FieldTable {
 public:
  struct Row {
    std::string_view path;  ///< As json::path_of reads it.
    Field field;
  };
  /// Each row stands at its path behind each of the prefixes, which are empty or end in a dot.
  void add(std::span<const std::string_view> prefixes, std::span<const Row> rows) {
    for (const std::string_view prefix : prefixes)
      for (const Row& row : rows) put(json::path_of(std::string(prefix) + std::string(row.path)), row.field);
  }
  [[nodiscard]] Field find(json::Path path) const {
    if (slots_.empty()) return Field{};
    for (std::size_t at = path & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].path == path) return slots_[at].field;
      if (slots_[at].path == 0) return Field{};
    }
  }

 private:
  struct Slot {
    json::Path path = 0;
    Field field{};
  };
  void put(json::Path path, Field field) {
    if (2 * (count_ + 1) > slots_.size()) {
      std::vector<Slot> before(std::bit_ceil(4 * (count_ + 8)));
      before.swap(slots_);
      count_ = 0;
      for (const Slot& slot : before)
        if (slot.path != 0) put(slot.path, slot.field);
    }
    std::size_t at = path & (slots_.size() - 1);
    while (slots_[at].path != 0 && slots_[at].path != path) at = (at + 1) & (slots_.size() - 1);
    count_ += slots_[at].path == 0 ? 1 : 0;
    slots_[at] = {path, field};
  }

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

/// Walks a text and tells its records one after the other. A record is an object that stands alone or on a line, an element of the array
/// that is the text, or an element of `data`, `results` or `observations` within a record; paths start anew in it. A record may hold others: they
/// are told between its beginning and its end.
class JsonRecords : public Reader, protected json::Handler {
 public:
  JsonRecords(const ReadingContext& context, Sink& sink) : context_{context}, sink_{sink}, events_{*this} {}

  void read(std::string_view bytes) final { events_.feed(bytes); }
  void finish() final { events_.finish(); }

 protected:
  virtual void begin_record() = 0;
  virtual void end_record() = 0;
  /// All open records are void.
  virtual void drop_records() = 0;
  /// An object or array within a record, which is no record.
  virtual void inside(json::Path path, json::Kind kind) = 0;

  [[nodiscard]] Place place() const { return {context_.source, events_.line()}; }
  void skip(Skip why) { sink_.skipped(place(), why); }
  [[nodiscard]] std::size_t open_records() const { return open_.size(); }
  /// Reads a document that is a string's text as if it stood there instead. What a cut text holds up to the cut is told.
  void read_nested(json::Path path, std::string_view text);

  ReadingContext context_;
  Sink& sink_;

 private:
  Children begin(json::Path path, json::Kind kind, std::string_view key) final;
  void end(json::Path path, json::Kind kind) final;
  void broken(Trouble trouble) final;

  json::Events events_;
  std::vector<std::size_t> open_;  ///< How deep each open record stands.
  bool nested_ = false;
};

/// The whole number that a JSON number, or a string of digits, stands for. Nothing for negative ones and for what is beyond any engine.
[[nodiscard]] std::optional<std::uint64_t> to_count(std::string_view text);
[[nodiscard]] std::optional<double> to_double(std::string_view text);

}  // namespace bellwether::audit
