// Whom a tool calls, from its flags: the URL, and where its key is. Keys are references, never said on the command line and never printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "calling/call.h"
#include "calling/endpoint.h"
#include "catalog/upstream.h"

namespace bellwether::cli {

/// What is sent where no flag says where the key is.
enum class UsualKey : std::uint8_t {
  environment,  ///< BELLWETHER_API_KEY's, then HOLYSHEEP_API_KEY's, then none.
  none          ///< For a second endpoint: a key is not to reach a host that it is not for.
};

/// Where a key is.
struct KeyReference {
  std::string variable, file;
  UsualKey usual = UsualKey::environment;

  [[nodiscard]] bool is_said() const { return !variable.empty() || !file.empty(); }
};

/// The key of a second endpoint: its own, or the first's where both are on one host and port, or none.
[[nodiscard]] KeyReference second_key(const std::string& first_url, const KeyReference& first, const std::string& second_url, const KeyReference& second);

/// Fails with a sentence for the user: no such URL, a variable that is not set, a file that cannot be read, a key that is none.
[[nodiscard]] Result<calling::Endpoint> endpoint_of(const std::string& url, const KeyReference& key);
/// The same for an upstream of a config.
[[nodiscard]] calling::Endpoint endpoint_of(const catalog::Upstream& upstream);

/// What GET /models told.
struct Listed {
  calling::Reply reply;
  std::vector<std::string> models;  ///< Empty where it told none.
};
/// Runs on a loop of its own.
[[nodiscard]] Listed list_models(const calling::Endpoint& endpoint, Duration patience);
[[nodiscard]] std::vector<std::string> model_names(std::string_view body);

/// Why an endpoint is of no use, and the exit code for it; nothing where it answers. One that has no list (404) is taken as it is.
struct Refusal {
  int exit_code;
  std::string text;
};
[[nodiscard]] std::optional<Refusal> refusal_of(const calling::Reply& reply, const std::string& url);

/// The model to ask for: the given one, or the only one of the list. Fails with a sentence that names those there are.
[[nodiscard]] Result<std::string> choose_model(const std::string& given, const std::vector<std::string>& models, const std::string& url);

/// How a URL is told to people: without what stands before an @.
[[nodiscard]] std::string shown_url(const std::string& url);

}  // namespace bellwether::cli
