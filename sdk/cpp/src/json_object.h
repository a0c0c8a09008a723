// Looks into a JSON document that was validated: members by name, as the types of answers need them. What is missing, or of
// another type, is as if it were not there: servers differ, and an answer is not to be lost over a member that nobody asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bellwether::client {

/// The members of one object. Views point into the document, which must have json::padding readable bytes behind it.
class JsonObject {
 public:
  JsonObject() = default;
  /// Of a part of a validated document; empty if it is no object.
  explicit JsonObject(std::string_view raw);

  /// Validates a whole document. Nothing if it is no JSON object.
  [[nodiscard]] static std::optional<JsonObject> read(std::string_view document);

  /// The member as it stands; empty if there is none.
  [[nodiscard]] std::string_view raw(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return !raw(name).empty(); }
  [[nodiscard]] std::string text(std::string_view name) const;
  /// A string's text, or a number's digits: codes come as either.
  [[nodiscard]] std::string text_or_number(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] std::optional<double> number(std::string_view name) const;
  [[nodiscard]] JsonObject object(std::string_view name) const { return JsonObject{raw(name)}; }
  [[nodiscard]] std::vector<std::string_view> elements(std::string_view name) const;

 private:
  std::vector<std::pair<std::string_view, std::string_view>> members_;  ///< Keys with their quotes.
};

/// Gives a document the padding that reading needs, without changing it.
void pad(std::string& document);

/// Whether the text is one JSON value and nothing else.
[[nodiscard]] bool is_json_value(std::string_view text);

}  // namespace bellwether::client
