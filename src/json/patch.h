// Changes to a JSON text as splices: what is not changed is not touched, moved or re-encoded.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/reader.h"

namespace bellwether::json {

/// Replaces `removed` (a view into the text that is patched; may be empty: an insertion point) by `inserted`.
struct Splice {
  std::string_view removed;
  std::string inserted;
};

/// A list of splices over one text. The text must outlive the patch. Splices may be added in any order and must not overlap.
class Patch {
 public:
  explicit Patch(std::string_view text) : text_{text} {}

  void replace(std::string_view removed, std::string inserted);
  /// Adds `"name":json` as the last member of the object `raw_object` (a view into the text, braces included); commas are
  /// seen to. Several additions to the same object keep their order.
  void add_member(std::string_view raw_object, std::string_view name, std::string_view json);
  /// Removes a member of `raw_object` together with the comma that belongs to it.
  void remove_member(std::string_view raw_object, const Member& member);

  [[nodiscard]] bool empty() const { return splices_.empty(); }
  /// The size of the patched text in bytes.
  [[nodiscard]] std::size_t size() const;
  /// Appends the patched text.
  void append_to(std::string& out) const;
  [[nodiscard]] std::string apply() const;

 private:
  void insert_sorted(Splice splice);

  std::string_view text_;
  std::vector<Splice> splices_;  ///< In the order of the text.
};

/// The object without its members of these names, whatever their number; the others stay as they stand. `object` must be one.
[[nodiscard]] std::string without_members(std::string_view object, std::span<const std::string_view> names, Reader& reader);

}  // namespace bellwether::json
