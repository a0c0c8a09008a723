// What is wrong with a key, before it is sent anywhere. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bellwether::client {

/// A sentence that says what is wrong and what to do; never holds the whole key. Nothing if its form is right.
[[nodiscard]] std::optional<std::string> problem_with_key(std::string_view key);

}  // namespace bellwether::client
