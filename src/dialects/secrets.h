// What an upstream says may name what no caller is to know: the key that we use there, and where inside a network it stands.
// Errors are the one place where its own words reach a caller (PRODUCT.md §6), so all of them pass here.
#pragma once

#include <string>
#include <string_view>

#include "base/failure.h"
#include "catalog/upstream.h"

namespace bellwether::dialects {

/// Masks the upstream's key in everything that the failure says, and addresses in what a caller may read of it: those of the
/// upstream, and whatever looks like a place in a private network. The first and last characters that vendors leave of a key stay.
void hide_secrets(Failure& failure, const catalog::Upstream& upstream);

/// The text without the key, and without pieces of it of eight characters or more.
[[nodiscard]] std::string without_key(std::string_view text, std::string_view key);

/// The text without addresses: URLs, hosts and ports of the upstream's own; IP addresses; names that mean something inside only.
[[nodiscard]] std::string without_addresses(std::string_view text, const catalog::Url& own);

}  // namespace bellwether::dialects
