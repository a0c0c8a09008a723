#include "audit/json_records.h"

#include <charconv>
#include <cmath>

namespace bellwether::audit {
namespace {

constexpr json::Path in_array = json::path_of("[]");
constexpr std::array nests{json::path_of("data[]"), json::path_of("results[]"), json::path_of("result[]"), json::path_of("observations[]")};
// A page holds buckets that hold results; nobody goes deeper.
constexpr std::size_t records_max = 4;
// 2⁵³, so that a double holds it: the tokens of a thousand engines in a thousand years.
constexpr double count_max = 9007199254740992.0;

}  // namespace

JsonRecords::Children JsonRecords::begin(json::Path path, json::Kind kind, std::string_view) {
  if (nested_) {
    inside(path, kind);
    return Children::onwards;
  }
  bool is_record = false;
  if (kind == json::Kind::object) {
    if (open_.empty()) {
      is_record = path == json::root_path || path == in_array;
    } else if (open_.size() < records_max) {
      for (const json::Path nest : nests) is_record = is_record || path == nest;
    }
  }
  if (is_record) {
    open_.push_back(events_.depth());
    begin_record();
    return Children::from_root;
  }
  if (!open_.empty()) inside(path, kind);
  return Children::onwards;
}

void JsonRecords::end(json::Path, json::Kind) {
  if (nested_ || open_.empty() || open_.back() != events_.depth()) return;
  end_record();
  open_.pop_back();
}

void JsonRecords::broken(Trouble trouble) {
  if (nested_) return;
  drop_records();
  open_.clear();
  skip(trouble == Trouble::not_json ? Skip::not_of_this_log : Skip::malformed);
}

void JsonRecords::read_nested(json::Path path, std::string_view text) {
  if (nested_ || !text.starts_with('{')) return;
  nested_ = true;
  json::Events events{*this, path};
  events.feed(text);
  events.finish();
  nested_ = false;
}

std::optional<std::uint64_t> to_count(std::string_view text) {
  const std::optional<double> number = to_double(text);
  if (!number || *number < 0 || *number > count_max || *number != std::floor(*number)) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

std::optional<double> to_double(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

}  // namespace bellwether::audit
