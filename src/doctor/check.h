// What the doctor says of one thing that it looked at, and of all together. Values.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bellwether::doctor {

enum class Status : std::uint8_t {
  ok,
  warning,  ///< It works, and will hurt: an expiry that is near, a slow disk.
  failed,   ///< It does not work.
};
inline constexpr std::array<std::string_view, 3> status_names{"ok", "warning", "failed"};

/// What kind of trouble a failed check is, for the exit code.
enum class Trouble : std::uint8_t { none, config, upstream, other };

struct Check {
  std::string name;  ///< "port", "certificate", "upstream hosted": stable, for scripts.
  Status status = Status::ok;
  std::string text;    ///< One line: what was found. Never a secret.
  std::string remedy;  ///< One line: what to do. Empty where there is nothing to do.
  Trouble trouble = Trouble::none;
};

[[nodiscard]] inline Check ok(std::string name, std::string text) { return {std::move(name), Status::ok, std::move(text), {}, Trouble::none}; }
[[nodiscard]] inline Check warning(std::string name, std::string text, std::string remedy) {
  return {std::move(name), Status::warning, std::move(text), std::move(remedy), Trouble::none};
}
[[nodiscard]] inline Check failed(std::string name, std::string text, std::string remedy, Trouble trouble = Trouble::other) {
  return {std::move(name), Status::failed, std::move(text), std::move(remedy), trouble};
}

/// PRODUCT.md §4: an invalid config is 3; else anything of our own that failed is 1; else an upstream that failed is 5; else 0.
[[nodiscard]] int exit_code_of(std::span<const Check> checks);

[[nodiscard]] std::string to_table(std::span<const Check> checks);
/// bellwether.doctor/1
[[nodiscard]] std::string to_json(std::span<const Check> checks);

}  // namespace bellwether::doctor
