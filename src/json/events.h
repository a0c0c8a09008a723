// Reads JSON that does not fit into memory: documents of any size and lines of documents, cut into pieces anywhere. What it tells are
// events; what it holds is the path to where it is and at most one short text. json::Reader is for documents that are there whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "json/reader.h"

namespace bellwether::json {

/// A place within a document, as a number: members by their names, elements all alike. `path_of("choices[].index")`.
using Path = std::uint64_t;

inline constexpr Path root_path = 0xcbf29ce484222325ULL;
inline constexpr char element_step = '\x01';
inline constexpr char member_step = '\x02';

/// FNV-1a, one step.
[[nodiscard]] constexpr Path path_step(Path path, char c) { return (path ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL; }
[[nodiscard]] constexpr Path path_element(Path path) { return path_step(path, element_step); }
[[nodiscard]] constexpr Path path_member(Path path, std::string_view key) {
  path = path_step(path, member_step);
  for (const char c : key) path = path_step(path, c);
  return path;
}

/// Members joined by dots, elements written as `[]`, starting at the root: "data[].result[].values[][]". Names with dots cannot be said.
[[nodiscard]] constexpr Path path_of(std::string_view dotted) {
  Path path = root_path;
  while (!dotted.empty()) {
    if (dotted.starts_with("[]")) {
      path = path_element(path);
      dotted.remove_prefix(2);
    } else {
      if (dotted.front() == '.') dotted.remove_prefix(1);
      const std::size_t end = dotted.find_first_of(".[");
      path = path_member(path, dotted.substr(0, end));
      dotted.remove_prefix(end == std::string_view::npos ? dotted.size() : end);
    }
  }
  return path;
}

/// Takes the events of one Events. All views are valid during the call alone.
class Handler {
 public:
  enum class Children : std::uint8_t { onwards, from_root };

  virtual ~Handler() = default;
  /// An object or array begins. `from_root`: its insides have paths as if it stood alone, for records within something larger.
  virtual Children begin(Path path, Kind kind, std::string_view key) = 0;
  virtual void end(Path path, Kind kind) = 0;
  /// Whether the string at this place is to be kept. Those that are not are passed over at the speed of a search for quotes.
  [[nodiscard]] virtual bool wants(Path path) = 0;
  /// A number, boolean or null as it stands, or a wanted string without its quotes and with its escapes resolved.
  /// `key` is the member's name; empty for an element.
  virtual void value(Path path, Kind kind, std::string_view key, std::string_view text) = 0;

  enum class Trouble : std::uint8_t {
    not_json,  ///< A line that begins like no object or array.
    broken,    ///< The grammar is not kept, or the text ends in the middle.
    too_deep,
  };
  /// What was begun is void. Reading goes on with the next line.
  virtual void broken(Trouble trouble) = 0;
};

/// Bytes to events. Strings beyond `text_max` are handed over cut, members' names beyond `key_max` too.
///
/// Documents may stand behind each other. Once one has ended on the line that it began on, the text counts as lines of documents: from
/// then on a line break within a document means that its writer was cut off, and the next line starts afresh.
class Events {
 public:
  static constexpr std::size_t text_max = std::size_t{64} << 10;  ///< Model names, times, error texts; metadata of a spend log is some KiB.
  static constexpr std::size_t key_max = 512;
  static constexpr std::size_t depth_max = 512;
  static constexpr std::size_t scalar_max =
      64;  ///< A number of more characters is Trouble::broken: some doubles in full have 1,080 digits, and nobody writes one.

  /// `root`: where the documents stand, for those that are part of another.
  explicit Events(Handler& handler, Path root = root_path) : handler_{handler}, root_{root} {}

  /// `handler` is called for what these bytes complete.
  void feed(std::string_view bytes);
  /// The text is at its end.
  void finish();
  /// Of the byte that is being read, from 1.
  [[nodiscard]] std::uint64_t line() const { return line_; }
  /// Objects and arrays that are open.
  [[nodiscard]] std::size_t depth() const { return frames_.size(); }

 private:
  enum class State : std::uint8_t { value, first_value, first_key, key, colon, after_value, string, scalar, skip_line };
  struct Frame {
    Path own;     ///< As told.
    Path inside;  ///< What its children's paths start with.
    Kind kind;
  };

  const char* step(const char* at, const char* end);
  const char* string_part(const char* at, const char* end);
  const char* scalar_part(const char* at, const char* end);
  void begin_value(char c);
  void end_string(std::string_view raw);
  void end_scalar();
  void open(Kind kind);
  void close(Kind kind);
  void value_done();
  void line_break();
  void fail(Handler::Trouble trouble);
  [[nodiscard]] Path path_here() const;
  [[nodiscard]] std::string_view key_here() const;

  Handler& handler_;
  Path root_;
  State state_ = State::value;
  std::vector<Frame> frames_;
  std::string text_;  ///< Of a string or scalar that came in pieces, as it stands.
  std::string key_;
  std::string resolved_;
  Path key_path_ = 0;
  std::uint64_t line_ = 1;
  std::uint64_t line_begun_ = 1;  ///< Where the outermost value began.
  bool lines_ = false;            ///< Whether this is known to be lines of documents.
  bool is_key_ = false;
  bool kept_ = false;  ///< The string is wanted.
  bool escaped_ = false;
  bool has_escapes_ = false;
};

}  // namespace bellwether::json
