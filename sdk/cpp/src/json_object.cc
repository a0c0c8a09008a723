#include "json_object.h"

#include <charconv>

#include "json/cursor.h"
#include "json/elements.h"
#include "json/reader.h"

namespace bellwether::client {
namespace {

/// One for each thread, as parsing fills its lists again and again.
json::Reader& reader() {
  thread_local json::Reader reader;
  return reader;
}

}  // namespace

void pad(std::string& document) { document.reserve(document.size() + json::padding); }

JsonObject::JsonObject(std::string_view raw) {
  json::Cursor cursor{raw};
  if (!cursor.members([this](std::string_view key, std::string_view value) { members_.emplace_back(key, value); })) members_.clear();
}

std::optional<JsonObject> JsonObject::read(std::string_view document) {
  if (!reader().members(document)) return std::nullopt;
  while (!document.empty() && json::is_space(document.front())) document.remove_prefix(1);
  return JsonObject{document};
}

std::string_view JsonObject::raw(std::string_view name) const {
  // Of duplicates the last, as most readers have it.
  for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
    const std::string_view key = member->first;
    if (key.size() == name.size() + 2 && key.substr(1, name.size()) == name) return member->second;
  }
  return {};
}

std::string JsonObject::text(std::string_view name) const {
  const std::string_view value = raw(name);
  if (!value.starts_with('"')) return {};
  return json::unquote(value).value_or(std::string{});
}

std::string JsonObject::text_or_number(std::string_view name) const {
  const std::string_view value = raw(name);
  if (value.find_first_not_of("0123456789-") == std::string_view::npos) return std::string(value);
  return text(name);
}

std::int64_t JsonObject::integer(std::string_view name) const {
  const std::string_view value = raw(name);
  if (value.empty()) return 0;
  if (const std::optional<std::int64_t> whole = json::to_integer(value)) return *whole;
  // Some servers write counts and times as 1.7e9 or 12.0.
  const double broken = number(name).value_or(0);
  return broken > -9e18 && broken < 9e18 ? static_cast<std::int64_t>(broken) : 0;
}

std::optional<double> JsonObject::number(std::string_view name) const {
  const std::string_view value = raw(name);
  double number = 0;
  const auto read = std::from_chars(value.data(), value.data() + value.size(), number);
  if (value.empty() || read.ec != std::errc{} || read.ptr != value.data() + value.size()) return std::nullopt;
  return number;
}

std::vector<std::string_view> JsonObject::elements(std::string_view name) const { return json::elements(raw(name)); }

bool is_json_value(std::string_view text) {
  std::string document = "{\"v\":" + std::string(text) + "}";
  pad(document);
  const auto members = reader().members(document);
  // A text that holds more than a value gives more members than one, or none.
  return members && members->size() == 1 && document.size() == 6 + text.size();
}

}  // namespace bellwether::client
