// The elements of a JSON array, as they stand.
#pragma once

#include <string_view>
#include <vector>

namespace bellwether::json {

/// The elements of the array `raw`, in order, without the white space around them; empty if it is none or its brackets do not close.
/// Their own insides are not validated. For arrays that a Reader has accepted within a document, with json::padding behind it.
[[nodiscard]] std::vector<std::string_view> elements(std::string_view raw);

}  // namespace bellwether::json
