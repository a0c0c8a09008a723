// A TOML table that is read once, strictly: each key is taken by whoever knows it, and what nobody took is a problem. Lives while
// a file is being read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// toml++ 3.3 asserts what a malformed file can break (`[#x]` ahead of a key), and in release builds goes on into the undefined:
// here its assertions are on in every build type, and an exception that read_config catches.
namespace bellwether::config {
struct BrokenToml {};
[[noreturn]] inline void give_up_on_toml() { throw BrokenToml{}; }
}  // namespace bellwether::config
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(condition) ((condition) ? static_cast<void>(0) : ::bellwether::config::give_up_on_toml())
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include "config/read.h"

namespace bellwether::config {

/// What all tables of one file share.
struct Reading {
  std::string file;
  std::string folder;  ///< Of the file, with its slash; empty: the working directory. Relative paths in the file start here.
  const SecretSource& secrets;
  std::vector<Problem> problems;

  void complain(const toml::source_region& where, std::string text);
  /// A path of the file as the process can open it.
  [[nodiscard]] std::string resolved(const std::string& path) const { return path.starts_with('/') ? path : folder + path; }
};

class Table {
 public:
  /// `name` is for messages: "[upstream.hosted]", "" for the file itself.
  Table(const toml::table& table, std::string name, Reading& reading) : table_{table}, name_{std::move(name)}, reading_{reading} {}

  /// The value of a key that may be there. Null if not.
  [[nodiscard]] const toml::node* take(std::string_view key);
  [[nodiscard]] const toml::table* take_table(std::string_view key);
  [[nodiscard]] std::optional<std::string> take_string(std::string_view key);
  void take_duration(std::string_view key, Duration& into, Duration min);
  void take_bytes(std::string_view key, std::uint64_t& into, std::uint64_t min);
  template <class Integer>
  void take_integer(std::string_view key, Integer& into, std::int64_t min, std::int64_t max) {
    if (const auto value = integer(key, min, max)) into = static_cast<Integer>(*value);
  }
  /// `{ env = "X" }` or `{ file = "P" }`, resolved. A plain string is refused: secrets do not belong into the file.
  [[nodiscard]] std::optional<std::string> take_secret(std::string_view key);

  /// Complains about every key that was not taken. To be called last.
  void end();

  void complain(const toml::node& at, std::string text) { reading_.complain(at.source(), std::move(text)); }
  void complain(std::string text) { reading_.complain(table_.source(), std::move(text)); }
  [[nodiscard]] std::string in(std::string_view key) const;

 private:
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max);
  void wrong_type(const toml::node& at, std::string_view key, std::string_view wanted);

  const toml::table& table_;
  std::string name_;
  Reading& reading_;
  std::vector<std::string_view> known_;
};

}  // namespace bellwether::config
