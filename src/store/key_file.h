// Keys on disk, as digests: `keys.jsonl` in the data folder. A line for the format, then a line a key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accounts/key.h"
#include "base/result.h"
#include "store/data_folder.h"

namespace bellwether::store {

/// All keys; none where there is no file. Fails with store_failed, naming the line, when the file cannot be read as what it says it is:
/// a gateway that forgot its keys would lock everybody out.
[[nodiscard]] Result<std::vector<accounts::Key>> load_keys(const DataFolder& folder);

/// Replaces the file. Fails with store_failed; the old keys stay then.
[[nodiscard]] Result<void> save_keys(const DataFolder& folder, const std::vector<accounts::Key>& keys);

/// The text of the file and back. Pure.
[[nodiscard]] std::string keys_to_text(const std::vector<accounts::Key>& keys);
[[nodiscard]] Result<std::vector<accounts::Key>> keys_from_text(std::string text);

}  // namespace bellwether::store
